/* The jobs themselves are replaced: what they do is tested with the files that do it. */
#include "guest/trust.h"
#include "guest/volumes.h"

static int fake_trust(const char *bundle, const char *copy, const char *pem, struct err *e);
static int fake_mount(const struct volume *v, struct err *e);

#define trust_install fake_trust
#define volume_mount  fake_mount
#include "system/init_work.c"

#include <unistd.h>

#include "test.h"

static struct loop loop;
static struct jobs *jobs;
static struct init_work work;
static struct init_wait waits[2];
static unsigned told, installed, mounted; /* the last two by workers, one at a time here */
static bool fails, hangs;

static int result(struct err *e)
{
    while (__atomic_load_n(&hangs, __ATOMIC_ACQUIRE))
        usleep(500);
    return fails ? err_set(e, STATUS_UNAVAILABLE, 0, "no luck") : 0;
}

static int fake_trust(const char *bundle, const char *copy, const char *pem, struct err *e)
{
    assert_string_equal(bundle, TRUST_BUNDLE);
    assert_string_equal(copy, TRUST_COPY);
    assert_true(*pem);
    installed++;
    return result(e);
}

static int fake_mount(const struct volume *v, struct err *e)
{
    assert_string_equal(v->target, "10.0.0.1:/x");
    mounted++;
    return result(e);
}

static void on_done(struct init_wait *w)
{
    (void)w;
    told++;
}

static int setup(void **state)
{
    (void)state;
    log_init(LOG_OFF, LOG_TEXT, false);
    json_init();
    told = installed = mounted = 0;
    fails = hangs = false;
    assert_int_equal(loop_init(&loop), 0);
    jobs = jobs_new(&loop, &(struct jobs_config){"work", 1, 0, 8});
    assert_non_null(jobs);
    init_work_init(&work, &loop, jobs);
    memset(waits, 0, sizeof waits);
    waits[0].done = waits[1].done = on_done;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    init_work_destroy(&work);
    jobs_destroy(jobs);
    loop_destroy(&loop);
    return 0;
}

static int start(const char *body, struct init_wait *w)
{
    struct init_request r;
    struct err e;
    int ret;

    assert_int_equal(init_request_parse(&r, bytes_of(body), &e), 0);
    ret = init_work_start(&work, &r, w, &e);
    init_request_clear(&r);
    return ret;
}

static void wait_told(unsigned n)
{
    for (int i = 0; i < 5000 && told < n; i++) {
        ev_run(loop.ev, EVRUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(told, n);
}

#define VOLUMES(id)                                                                                          \
    "{\"lifecycleID\":\"" id "\",\"volumeMounts\":[{\"nfs_target\":\"10.0.0.1:/x\",\"path\":\"/a\"},"        \
    "{\"nfs_target\":\"10.0.0.1:/x\",\"path\":\"/b\"}]}"

static void nothing_to_do_waits_for_nothing(void **state)
{
    (void)state;
    assert_int_equal(start("{}", &waits[0]), 0);
    assert_int_equal(start("{\"caBundle\":\"\"}", &waits[0]), 0);
    assert_int_equal(waits[0].ticket, 0);
    assert_false(ev_is_active(&waits[0].deadline));
}

static void certificates_are_installed_once(void **state)
{
    (void)state;
    assert_int_equal(start("{\"caBundle\":\"pem\"}", &waits[0]), 1);
    wait_told(1);
    assert_false(waits[0].failed);
    assert_int_equal(start("{\"caBundle\":\"pem\"}", &waits[0]), 0);
    assert_int_equal(start("{\"caBundle\":\"other\"}", &waits[0]), 1);
    wait_told(2);
    assert_int_equal(installed, 2);
}

static void a_failure_is_told_and_tried_again(void **state)
{
    (void)state;
    fails = true;
    assert_int_equal(start("{\"caBundle\":\"pem\"}", &waits[0]), 1);
    wait_told(1);
    assert_true(waits[0].failed);
    assert_string_equal(waits[0].error.text, "no luck");
    assert_int_equal(start(VOLUMES("l"), &waits[0]), 2);
    wait_told(2);
    assert_true(waits[0].failed);
    fails = false;
    assert_int_equal(start(VOLUMES("l"), &waits[0]), 2);
    wait_told(3);
    assert_false(waits[0].failed);
}

static void a_volume_is_mounted_once_for_a_sandbox(void **state)
{
    (void)state;
    assert_int_equal(start(VOLUMES("1"), &waits[0]), 2);
    wait_told(1);
    assert_int_equal(start(VOLUMES("1"), &waits[0]), 0);
    assert_int_equal(start(VOLUMES("2"), &waits[0]), 2);
    wait_told(2);
    assert_int_equal(mounted, 4);
    assert_int_equal(work.mount_count, 2);
}

static void while_volumes_are_mounted_others_do_not_wait(void **state)
{
    (void)state;
    hangs = true;
    assert_int_equal(start(VOLUMES("1"), &waits[0]), 2);
    assert_int_equal(start(VOLUMES("2"), &waits[1]), 0);
    init_work_leave(&waits[0]); /* whose connection ended; the mounts go on */
    __atomic_store_n(&hangs, false, __ATOMIC_RELEASE);
    for (int i = 0; i < 5000 && work.mounting > 0; i++) {
        ev_run(loop.ev, EVRUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(work.mounting, 0);
    assert_int_equal(told, 0);
    assert_int_equal(start(VOLUMES("1"), &waits[1]), 0); /* they are there */
}

static void a_call_does_not_wait_for_ever(void **state)
{
    (void)state;
    hangs = true;
    assert_int_equal(start(VOLUMES("1"), &waits[0]), 2);
    ev_feed_event(loop.ev, &waits[0].deadline, EV_TIMER);
    wait_told(1);
    assert_true(waits[0].failed);
    assert_int_equal(waits[0].error.status, STATUS_DEADLINE_EXCEEDED);
    __atomic_store_n(&hangs, false, __ATOMIC_RELEASE);
    for (int i = 0; i < 5000 && work.mounting > 0; i++) {
        ev_run(loop.ev, EVRUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(told, 1);
}

static void a_volume_that_is_none_starts_nothing_more(void **state)
{
    (void)state;
    assert_int_equal(start("{\"volumeMounts\":[{\"path\":\"/a\"}]}", &waits[0]), -1);
    assert_int_equal(waits[0].ticket, 0);
    assert_int_equal(mounted, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_to_do_waits_for_nothing),
        T(certificates_are_installed_once),
        T(a_failure_is_told_and_tried_again),
        T(a_volume_is_mounted_once_for_a_sandbox),
        T(while_volumes_are_mounted_others_do_not_wait),
        T(a_call_does_not_wait_for_ever),
        T(a_volume_that_is_none_starts_nothing_more),
    };

    return RUN(tests);
}
