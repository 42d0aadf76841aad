/* bridge: where it may listen. What it relays is tested with the real agent (tests/system/test_guestctl_bridge.py). */
#include "test.h"

#include "ctl_rig.h"

#include "ctl/bridge.c"

static void only_this_machine_is_its_own(void **state)
{
    static const struct {
        const char *text;
        bool own;
    } cases[] = {
        {"tcp:127.0.0.1:0", true},  {"tcp:127.9.9.9:80", true}, {"tcp:[::1]:1", true},
        {"tcp:localhost:1", true},  {"unix:/x", true},          {"tcp:0.0.0.0:1", false},
        {"tcp::1", false},          {"tcp:[::]:1", false},      {"tcp:192.0.2.1:1", false},
        {"tcp:128.0.0.1:1", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address a;
        struct err e;

        assert_int_equal(address_parse(cases[i].text, &a, &e), 0);
        if (is_own_machine(&a) != cases[i].own)
            fail_msg("%s", cases[i].text);
    }
}

static void wrong_words_are_usage(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("bridge"), CTL_USAGE);
    assert_int_equal(GUESTCTL("bridge", "unix:/x", "unix:/y"), CTL_USAGE);
    assert_int_equal(GUESTCTL("bridge", "/x"), CTL_USAGE);
    assert_int_equal(GUESTCTL("bridge", "--frob", "unix:/x"), CTL_USAGE);
    assert_int_equal(GUESTCTL("bridge", "vsock:1:1"), CTL_USAGE);
    assert_int_equal(GUESTCTL("bridge", "tcp:0.0.0.0:0"), CTL_USAGE);
    assert_non_null(strstr(said, "others than this machine can connect there (--open: they may)"));
}

/* A socket that nobody listens to is replaced; another's is not. */
static void a_socket_that_was_left_behind_is_replaced(void **state)
{
    static struct bridge b;
    struct err e;

    (void)state;
    agent_listen();
    b = (struct bridge){.listener = -1};
    assert_int_equal(address_parse(agent.target, &b.address, &e), 0);
    assert_int_equal(listen_at(&b, agent.target, &e), -1);
    assert_non_null(strstr(e.text, "address already in use"));
    fd_close(&b.listener);
    close(agent.listener);
    assert_int_equal(listen_at(&b, agent.target, &e), 0);
    fd_close(&b.listener);
    unlink(agent.address.sun_path);
}

/* Two descriptors for each, and some for ourselves. */
static void there_are_no_more_links_than_descriptors(void **state)
{
    struct rlimit limit;

    (void)state;
    assert_int_equal(links_allowed(), LINKS_MAX);
    getrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(limit.rlim_cur, 2 * LINKS_MAX + OWN_FDS);
    limit.rlim_cur = limit.rlim_max = 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(links_allowed(), (100 - OWN_FDS) / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_this_machine_is_its_own),
        cmocka_unit_test(wrong_words_are_usage),
        cmocka_unit_test(a_socket_that_was_left_behind_is_replaced),
        cmocka_unit_test(there_are_no_more_links_than_descriptors),
    };

    return RUN(tests);
}
