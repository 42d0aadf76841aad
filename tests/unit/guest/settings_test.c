#include "guest/settings.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/limits.h"
#include "test.h"

static struct settings s;
static struct err e;

static int setup(void **state)
{
    (void)state;
    return settings_init(&s, NULL, &e);
}

static int teardown(void **state)
{
    (void)state;
    settings_destroy(&s);
    return 0;
}

static void a_snapshot_stays_as_it_was(void **state)
{
    const char *names[] = {"A", "B"}, *values[] = {"1", ""};
    struct guest_env *old = guest_env_ref(s.env);

    (void)state;
    assert_string_equal(old->default_user, "root");
    assert_int_equal(settings_set_internal(&s, "E2B_SANDBOX", "true", &e), 0);
    assert_int_equal(settings_set_vars(&s, names, values, 2, &e), 0);
    assert_int_equal(settings_set_defaults(&s, "user", NULL, &e), 0);
    assert_int_equal(settings_set_defaults(&s, NULL, "/w", &e), 0);
    assert_int_equal(old->var_count, 0);
    assert_string_equal(old->default_user, "root");
    assert_string_equal(s.env->default_user, "user");
    assert_string_equal(s.env->workdir, "/w");
    assert_int_equal(s.env->var_count, 3);
    assert_string_equal(s.env->vars[0], "E2B_SANDBOX=true"); /* first: the host's own come later and win */
    assert_string_equal(s.env->vars[2], "B=");
    guest_env_unref(old);
    assert_int_equal(settings_set_internal(&s, "E2B_SANDBOX", "false", &e), 0);
    assert_int_equal(settings_set_vars(&s, NULL, NULL, 0, &e),
                     0); /* replaces, and leaves the internal ones */
    assert_int_equal(s.env->var_count, 1);
    assert_string_equal(s.env->vars[0], "E2B_SANDBOX=false");
}

static void bad_names_change_nothing(void **state)
{
    const char *good[] = {"A"}, *value[] = {"1"}, *empty[] = {""}, *equals[] = {"A=B"};
    static const char *many[ENV_VARS_MAX + 1];

    (void)state;
    assert_int_equal(settings_set_vars(&s, good, value, 1, &e), 0);
    assert_int_equal(settings_set_vars(&s, empty, value, 1, &e), -1);
    assert_int_equal(settings_set_vars(&s, equals, value, 1, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    for (int i = 0; i <= ENV_VARS_MAX; i++)
        many[i] = "A";
    assert_int_equal(settings_set_vars(&s, many, many, ENV_VARS_MAX + 1, &e), -1);
    assert_int_equal(s.env->var_count, 1);
    assert_string_equal(s.env->vars[0], "A=1");
}

static void a_token_is_remembered(void **state)
{
    char dir[] = "/tmp/guestd-settings-XXXXXX", path[64];
    struct settings again;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/run", dir);
    settings_remember(&s, path);
    assert_false(s.require_token);
    assert_int_equal(settings_set_token(&s, "secret", &e), 0);
    assert_string_equal(s.token, "secret");
    assert_int_equal(stat(s.secured_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 0); /* that there was one, not which */

    assert_int_equal(settings_init(&again, NULL, &e), 0); /* the agent starts anew */
    settings_remember(&again, path);
    assert_true(again.require_token);
    assert_null(again.token);
    assert_int_equal(settings_set_token(&again, NULL, &e), 0); /* cleared on purpose */
    settings_destroy(&again);
    assert_int_equal(settings_init(&again, NULL, &e), 0);
    settings_remember(&again, path);
    assert_false(again.require_token);
    settings_destroy(&again);
    rmdir(path);
    rmdir(dir);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_snapshot_stays_as_it_was),
        T(bad_names_change_nothing),
        T(a_token_is_remembered),
    };

    return RUN(tests);
}
