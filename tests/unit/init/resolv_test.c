/* /etc/resolv.conf: who says what. */
#include "init/config_rig.h"

#include <arpa/inet.h>

#include "init/resolv.h"

static const struct dhcp_lease lease = {
    .dns_count = 2, .dns = {{0x01010101}, {0x08080808}}, .domain = "lan.example"};

static void text_is(const struct dhcp_lease *l, const char *expected)
{
    CLEANUP_FREE char *text = resolv_text(&t.c, l);

    if (!expected) {
        assert_null(text);
        return;
    }
    assert_non_null(text);
    assert_string_equal(text, expected);
}

static void nothing_is_said_of_nothing(void **state)
{
    static const struct dhcp_lease empty;

    (void)state;
    text_is(NULL, NULL);
    text_is(&empty, NULL);
}

static void statements_are_written(void **state)
{
    (void)state;
    take("dns 10.0.0.1 fd00::1\nsearch a.b c\n");
    told("");
    text_is(NULL, "search a.b c\nnameserver 10.0.0.1\nnameserver fd00::1\n");
    text_is(&lease, "search a.b c\nnameserver 10.0.0.1\nnameserver fd00::1\n");
}

static void a_lease_says_what_they_do_not(void **state)
{
    (void)state;
    text_is(&lease, "search lan.example\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n");
    take("search a\n");
    text_is(&lease, "search a\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n");
    take("dns 9.9.9.9\n");
    text_is(&lease, "search a\nnameserver 9.9.9.9\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_said_of_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(statements_are_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lease_says_what_they_do_not, setup, teardown),
    };

    return RUN(tests);
}
