/* Files are written below a directory of the test's own. */
#include "guest/fs/put.h"
#include "guest/hosts.h"

static int test_put(const char *path, const char *text, size_t len, mode_t mode, struct err *e);
static int test_hosts(const char *path, const char *address, const char *name, struct err *e);

#define fs_put    test_put
#define hosts_set test_hosts
#include "system/identity.c"

#include <unistd.h>

#include "test.h"

static struct loop loop;
static struct jobs *jobs;
static struct settings settings;
static struct identity identity;
static char written[1024]; /* by the worker, one job at a time; read when none runs */

static int test_put(const char *path, const char *text, size_t len, mode_t mode, struct err *e)
{
    (void)e;
    sprintf(written + strlen(written), "%s=%.*s %o;", path, (int)len, text, mode);
    return 0;
}

static int test_hosts(const char *path, const char *address, const char *name, struct err *e)
{
    sprintf(written + strlen(written), "%s: %s %s;", path, address, name);
    return strcmp(address, "10.0.0.9") == 0 ? err_set(e, STATUS_INTERNAL, 0, "no luck") : 0;
}

static void start(enum compat compat)
{
    struct err e;

    log_init(LOG_INFO, LOG_TEXT, true);
    *written = 0;
    assert_int_equal(loop_init(&loop), 0);
    jobs = jobs_new(&loop, &(struct jobs_config){"work", 1, 0, 8});
    assert_int_equal(settings_init(&settings, NULL, &e), 0);
    identity_init(&identity, &loop, &settings, jobs, compat);
}

static int teardown(void **state)
{
    (void)state;
    identity_destroy(&identity);
    settings_destroy(&settings);
    jobs_destroy(jobs);
    loop_destroy(&loop);
    return 0;
}

static const char *files(void)
{
    for (int i = 0; i < 5000 && identity.writing; i++) {
        ev_run(loop.ev, EVRUN_NOWAIT);
        usleep(1000);
    }
    assert_false(identity.writing);
    return written;
}

static void find(const char *id, const char *template)
{
    struct mmds_data m = {0};

    strcpy(m.instance_id, id);
    strcpy(m.template_id, template);
    identity.mmds.found(&identity.mmds, &m);
}

static void nobody_s_agent_shows_nothing(void **state)
{
    (void)state;
    start(COMPAT_E2B);
    identity_look(&identity);
    assert_false(identity.mmds.polling);
    assert_string_equal(files(), "");
    assert_int_equal(settings.env->var_count, 0);
    assert_int_equal(identity.logs.state, LOG_EXPORT_OFF);
}

static void an_agent_without_metadata_says_so(void **state)
{
    struct err e;

    (void)state;
    start(COMPAT_E2B);
    assert_int_equal(identity_wear(&identity, false, &e), 0);
    identity_look(&identity);
    assert_false(identity.mmds.polling);
    assert_string_equal(files(), "/run/e2b/.E2B_SANDBOX=false 444;");
    assert_string_equal(settings.env->vars[0], "E2B_SANDBOX=false");
    assert_int_equal(identity.logs.state, LOG_EXPORT_OFF);
}

static void what_is_found_is_shown(void **state)
{
    struct err e;

    (void)state;
    start(COMPAT_WRENN);
    assert_int_equal(identity_wear(&identity, true, &e), 0);
    assert_int_equal(identity.logs.state, LOG_EXPORT_WAITING);
    files();
    find("i", "t");
    assert_string_equal(files(), "/run/wrenn/.WRENN_SANDBOX=true 444;/run/wrenn/.WRENN_SANDBOX_ID=i 644;"
                                 "/run/wrenn/.WRENN_TEMPLATE_ID=t 644;");
    assert_string_equal(settings.env->vars[0], "WRENN_SANDBOX=true");
    assert_string_equal(settings.env->vars[1], "WRENN_SANDBOX_ID=i");
    assert_string_equal(settings.env->vars[2], "WRENN_TEMPLATE_ID=t");
    *written = 0;
    find("i", "t");
    assert_string_equal(files(), "");
    find("j", "t");
    assert_string_equal(files(), "/run/wrenn/.WRENN_SANDBOX_ID=j 644;");
}

static void the_last_state_is_written(void **state)
{
    struct err e;

    (void)state;
    start(COMPAT_E2B);
    for (int i = 0; i < 9; i++) {
        char address[16];

        snprintf(address, sizeof address, "10.0.0.%d", i);
        assert_int_equal(identity_set_events(&identity, address, &e), 0);
    }
    assert_string_equal(files(),
                        "/etc/hosts: 10.0.0.0 events.e2b.local;/etc/hosts: 10.0.0.8 events.e2b.local;");
    assert_string_equal(settings.env->vars[0], "E2B_EVENTS_ADDRESS=http://10.0.0.8");
    *written = 0;
    assert_int_equal(identity_set_events(&identity, "10.0.0.8", &e),
                     0); /* somebody may have changed the file */
    assert_string_equal(files(), "/etc/hosts: 10.0.0.8 events.e2b.local;");
    *written = 0;
    assert_int_equal(identity_set_events(&identity, "10.0.0.9", &e),
                     0); /* fails, and is not tried for ever */
    assert_string_equal(files(), "/etc/hosts: 10.0.0.9 events.e2b.local;");
}

static void an_address_is_literal(void **state)
{
    static const char *const bad[] = {"", "host", "10.0.0", "10.0.0.1:80", "::g", "[::1]"};
    struct err e;

    (void)state;
    start(COMPAT_E2B);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(identity_set_events(&identity, bad[i], &e), -1);
    assert_int_equal(identity_set_events(&identity, "fd00::1", &e), 0);
    assert_string_equal(settings.env->vars[0], "E2B_EVENTS_ADDRESS=http://[fd00::1]");
    files();
}

static void without_metadata_the_log_stays_here(void **state)
{
    struct err e;

    (void)state;
    start(COMPAT_E2B);
    assert_int_equal(identity_wear(&identity, true, &e), 0);
    log_info("line");
    identity.mmds.none(&identity.mmds);
    assert_int_equal(identity.logs.state, LOG_EXPORT_OFF);
    assert_int_equal(identity.logs.bytes, 0);
    files();
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nobody_s_agent_shows_nothing), T(an_agent_without_metadata_says_so),
        T(what_is_found_is_shown),       T(the_last_state_is_written),
        T(an_address_is_literal),        T(without_metadata_the_log_stays_here),
    };

    return RUN(tests);
}
