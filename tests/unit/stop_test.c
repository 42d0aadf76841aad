/* The agent's end: what is told to whom, in which order, and how long anybody can hold it up. */
#include "test.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/log.h"
#include "guest/exec/exec.h"
#include "guest/freezer.h"
#include "net/net.h"

/* What is done is written down; the clock is ours. */
static char done[1024];
static uint64_t now_ms;
static bool children;

#define note(...) snprintf(done + strlen(done), sizeof done - strlen(done), __VA_ARGS__)

static int kill_seen(int pid, int signo)
{
    note("kill(%d,%d) ", pid, signo);
    return 0;
}

#define clock_mono_ms()       now_ms
#define reaper_has_children() children
#define kill(pid, signo)      kill_seen(pid, signo)
#define execs_stop(t, signo)  note("processes(%d) ", signo)
#define net_unlisten(n)       note("unlisten ")
#define net_drain(n)          note("drain ")
#define net_shutdown(n)       note("streams ")
#define freezer_thaw_soon(f)  note("thaw ")
#define loop_stop(l)          note("over ")

#include "stop.c"

#undef clock_mono_ms
#undef reaper_has_children
#undef kill
#undef execs_stop
#undef net_unlisten
#undef net_drain
#undef net_shutdown
#undef freezer_thaw_soon
#undef loop_stop

static struct loop loop;
static struct net net;
static struct cgroups cgroups;
static struct execs execs;
static struct stop s;

static void on_begun(struct stop *at)
{
    assert_ptr_equal(at, &s);
    note("begun ");
}

static int setup(void **state)
{
    struct err e;

    (void)state;
    log_init(LOG_OFF, LOG_TEXT, false);
    now_ms = 1000;
    children = false;
    net = (struct net){.count = 1};
    execs = (struct execs){.count = 1, .cgroups = &cgroups};
    s = (struct stop){.loop = &loop, .net = &net, .execs = &execs, .begun = on_begun};
    return loop_init(&loop) < 0 ? -1 : stop_init(&s, false, &e);
}

static int teardown(void **state)
{
    (void)state;
    ev_timer_stop(loop.ev, &s.tick);
    loop_destroy(&loop);
    return 0;
}

/* What was done until that age. */
static const char *at(unsigned age_ms)
{
    static char seen[sizeof done];

    now_ms = s.since_ms + age_ms;
    on_tick(loop.ev, &s.tick, 0);
    strcpy(seen, done);
    done[0] = 0;
    return seen;
}

static const char *begin_with(int signo)
{
    static char seen[sizeof done];

    done[0] = 0;
    stop_begin(&s, signo);
    strcpy(seen, done);
    done[0] = 0;
    return seen;
}

static void as_init(unsigned limit_ms)
{
    s.pid1 = s.drains = children = true;
    s.limit_ms = limit_ms;
    s.rest_ms = 1300;
}

static void a_service_ends_its_streams_at_once(void **state)
{
    (void)state;
    assert_string_equal(begin_with(SIGTERM), "begun unlisten thaw processes(15) streams ");
    assert_string_equal(at(1990), "");
    assert_string_equal(at(2000), "processes(9) ");
    assert_string_equal(at(2010), ""); /* once */
    execs.count = 0;
    assert_string_equal(at(2020), "");
    net.count = 0;
    assert_string_equal(at(2030), "over ");
}

static void a_service_can_leave_its_processes(void **state)
{
    (void)state;
    s.keep_processes = true;
    assert_string_equal(begin_with(SIGTERM), "begun unlisten thaw processes(0) streams ");
    net.count = 0;
    assert_string_equal(at(10), "over ");
}

static void what_hangs_does_not_hold_it(void **state)
{
    (void)state;
    begin_with(SIGTERM);
    at(2000);
    assert_string_equal(at(4490), "");
    assert_string_equal(at(4500), "over ");
}

static void an_init_ends_everything_before_its_streams(void **state)
{
    (void)state;
    as_init(0);
    assert_string_equal(begin_with(SIGTERM), "begun unlisten thaw processes(0) kill(-1,15) drain ");
    execs.count = 0;
    assert_string_equal(at(100), ""); /* an orphan lives */
    children = false;
    assert_string_equal(at(110), "streams ");
    assert_string_equal(at(120), "");
    net.count = 0;
    assert_string_equal(at(130), "over ");
    assert_int_equal(s.how, END_POWER_OFF);
}

static void an_init_leaves_time_for_the_disks(void **state)
{
    (void)state;
    as_init(0);
    begin_with(SIGINT);
    assert_string_equal(at(2000), "processes(0) kill(-1,9) ");
    assert_string_equal(at(2010), "processes(0) kill(-1,9) "); /* for who was just being started */
    assert_non_null(strstr(at(3200), "streams "));
    assert_null(strstr(at(3690), "over "));
    assert_non_null(strstr(at(3700), "over ")); /* 1.3 s of 5 are left */
    assert_int_equal(s.how, END_REBOOT);
}

static void the_limit_can_be_another(void **state)
{
    (void)state;
    as_init(60000);
    begin_with(SIGTERM);
    assert_string_equal(at(56990), "");
    assert_non_null(strstr(at(57000), "kill(-1,9) "));
    assert_non_null(strstr(at(58700), "over "));
}

static void a_short_limit_is_divided_as_the_default(void **state)
{
    (void)state;
    as_init(1000);
    begin_with(SIGTERM);
    assert_string_equal(at(390), "");
    assert_non_null(strstr(at(400), "kill(-1,9) "));
    assert_non_null(strstr(at(670), "over "));
}

static void a_second_signal_hurries(void **state)
{
    (void)state;
    as_init(60000);
    begin_with(SIGTERM);
    now_ms += 1000;
    assert_string_equal(begin_with(SIGTERM), ""); /* it does not begin again */
    assert_string_equal(at(1010), "processes(0) kill(-1,9) ");
    assert_non_null(strstr(at(1250), "streams "));
    assert_non_null(strstr(at(1500), "over "));
}

static void another_end_is_only_another_end(void **state)
{
    (void)state;
    as_init(60000);
    begin_with(SIGTERM);
    begin_with(SIGINT);
    assert_string_equal(at(1000), "");
    assert_int_equal(s.how, END_REBOOT);
}

static void at_once_is_without_a_grace(void **state)
{
    (void)state;
    as_init(0);
    begin_with(SIGRTMIN + 15);
    assert_string_equal(at(10), "processes(0) kill(-1,9) ");
    assert_non_null(strstr(at(500), "over "));
    assert_int_equal(s.how, END_REBOOT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_service_ends_its_streams_at_once),
        T(a_service_can_leave_its_processes),
        T(what_hangs_does_not_hold_it),
        T(an_init_ends_everything_before_its_streams),
        T(an_init_leaves_time_for_the_disks),
        T(the_limit_can_be_another),
        T(a_short_limit_is_divided_as_the_default),
        T(a_second_signal_hurries),
        T(another_end_is_only_another_end),
        T(at_once_is_without_a_grace),
    };

    return RUN(tests);
}
