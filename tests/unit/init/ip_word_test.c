/* ip= of the kernel's command line. */
#include "init/config_rig.h"

#include <arpa/inet.h>

static void cmdline(const char *text)
{
    config_take_cmdline(&t.c, bytes_of(text));
}

static void address_is(const struct config_prefix *p, const char *text, unsigned bits)
{
    char shown[INET6_ADDRSTRLEN];

    assert_non_null(p);
    assert_string_equal(inet_ntop(p->family, p->addr, shown, sizeof shown), text);
    assert_int_equal(p->bits, bits);
}

static void all_fields_are_understood(void **state)
{
    (void)state;
    cmdline("ip=10.0.0.2:10.0.0.9:10.0.0.1:255.255.255.252:box:eth1:off:1.1.1.1:8.8.8.8:10.0.0.8");
    told("");
    assert_string_equal(t.c.nets->name, "eth1");
    assert_false(t.c.nets->dhcp);
    address_is(t.c.nets->addresses, "10.0.0.2", 30);
    assert_true(t.c.nets->routes->has_via);
    address_is(&t.c.nets->routes->via, "10.0.0.1", 32);
    assert_int_equal(t.c.nets->routes->to.bits, 0);
    assert_string_equal(t.c.hostname, "box");
    assert_string_equal(t.c.dns->text, "1.1.1.1");
    assert_string_equal(t.c.dns->next->text, "8.8.8.8");
    assert_null(t.c.dns->next->next);
}

static void a_device_that_is_not_named_is_any(void **state)
{
    (void)state;
    cmdline("ip=192.168.1.2::::::static");
    told("");
    assert_string_equal(t.c.nets->name, "*");
    address_is(t.c.nets->addresses, "192.168.1.2", 24); /* as the class has it */
    assert_null(t.c.nets->routes);
    assert_null(t.c.hostname);
    assert_null(t.c.dns);
}

static void the_class_gives_the_mask(void **state)
{
    (void)state;
    cmdline("ip=10.1.2.3:::::a ip=172.16.0.1:::::b ip=203.0.113.1:::::c");
    told("");
    address_is(t.c.nets->addresses, "10.1.2.3", 8);
    address_is(t.c.nets->next->addresses, "172.16.0.1", 16);
    address_is(t.c.nets->next->next->addresses, "203.0.113.1", 24);
}

static void dhcp_has_many_names(void **state)
{
    static const char *const words[] = {"ip=dhcp", "ip=on", "ip=any", "ip=::::::dhcp",
                                        "ip=::::box:eth0:dhcp:1.1.1.1"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        cmdline(words[i]);
        told("");
        assert_true(t.c.nets->dhcp);
        assert_null(t.c.nets->addresses);
        assert_string_equal(t.c.nets->name, i == 4 ? "eth0" : "*");
        teardown(state);
        setup(state);
    }
}

static void off_is_nothing(void **state)
{
    (void)state;
    cmdline("ip=off ip=none ip= ip");
    told("");
    assert_null(t.c.nets);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    cmdline("ip=10.0.0.300::::::off");
    told("kernel command line: ip=10.0.0.300::::::off: not an address and a mask: '10.0.0.300' ''\n");
    cmdline("ip=10.0.0.3:::255.0.255.0");
    told("kernel command line: ip=10.0.0.3:::255.0.255.0: not an address and a mask: '10.0.0.3' "
         "'255.0.255.0'\n");
    cmdline("ip=10.0.0.3::gw");
    told("kernel command line: ip=10.0.0.3::gw: net: not an address: 'gw'\n");
    cmdline("ip=10.0.0.3::::::bootp6");
    told("kernel command line: ip=10.0.0.3::::::bootp6: 'bootp6' is not known\n");
    cmdline("ip=1:2:3:4:5:6:7:8:9:10:11");
    told("kernel command line: ip=1:2:3:4:5:6:7:8:9:10:11: more than 10 fields\n");
    assert_null(t.c.nets);
}

static void the_command_line_stands_for_the_file(void **state)
{
    (void)state;
    take("net eth0 dhcp mtu=1400\n");
    cmdline("ip=10.0.0.2:::255.0.0.0::eth0");
    told("");
    assert_null(t.c.nets->next);
    assert_false(t.c.nets->dhcp);
    assert_int_equal(t.c.nets->mtu, 0);
}

/* The command line is that of the machine around it. */
static void a_container_has_no_such_word(void **state)
{
    (void)state;
    t.c.in_container = true;
    cmdline("ip=10.0.0.2:::255.0.0.0::eth0 root=/dev/vda guestd.hostname=box");
    told("");
    assert_null(t.c.nets);
    assert_null(t.c.root.device);
    assert_string_equal(t.c.hostname, "box");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_fields_are_understood, setup, teardown),
        cmocka_unit_test_setup_teardown(a_device_that_is_not_named_is_any, setup, teardown),
        cmocka_unit_test_setup_teardown(the_class_gives_the_mask, setup, teardown),
        cmocka_unit_test_setup_teardown(dhcp_has_many_names, setup, teardown),
        cmocka_unit_test_setup_teardown(off_is_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_container_has_no_such_word, setup, teardown),
        cmocka_unit_test_setup_teardown(the_command_line_stands_for_the_file, setup, teardown),
    };

    return RUN(tests);
}
