/* The names of kernel parameters, and their setting in a namespace. */
#include "init/child.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "core/fd.h"
#include "init/sysctl.h"

static void names(void **state)
{
    static const char *const cases[][2] = {
        {"net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"},
        {"net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_forward"},
        {"net.ipv4.conf.eth0/1.mtu", "/proc/sys/net/ipv4/conf/eth0.1/mtu"},
        {"net/ipv4/conf/eth0.1/mtu", "/proc/sys/net/ipv4/conf/eth0.1/mtu"},
        {"plain", "/proc/sys/plain"},
        {"../uptime", NULL},
        {"a/../../uptime", NULL},
        {"a.//.b", NULL},
        {"a/..", NULL},
        {"a..b", NULL},
        {"/a", NULL},
        {"", "/proc/sys/"},
    };
    char path[64], small[12];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(sysctl_path(cases[i][0], path, sizeof path), cases[i][1] ? 0 : -1);
        if (cases[i][1])
            assert_string_equal(path, cases[i][1]);
    }
    assert_int_equal(sysctl_path("abc", small, sizeof small), -1);
}

/* Host name and domain name are parameters, too, and of this namespace only. */
static int set_some(void)
{
    struct config c;
    struct boot b;
    char text[64];

    if (unshare(CLONE_NEWUTS) < 0 || !freopen("/dev/null", "w", stderr))
        return 90;
    boot_begin(&b);
    config_init(&c);
    config_take_text(&c, "f",
                     BYTES_LIT("sysctl kernel.domainname=first kernel/domainname=second\n"
                               "sysctl no.such=1 a..b=1 kernel.ostype=x\n"));
    sysctl_apply(&c, &b);
    if (fd_read_file(AT_FDCWD, "/proc/sys/kernel/domainname", text, sizeof text) < 0 ||
        strcmp(text, "second\n") != 0)
        return 1;
    if (b.problem_count != 3 || strcmp(b.problems[0], "sysctl no.such=1: no such file or directory") != 0 ||
        strcmp(b.problems[1], "sysctl a..b: not the name of a parameter") != 0)
        return 2;
    boot_clear(&b);
    config_clear(&c);
    return 0;
}

static void values(void **state)
{
    (void)state;
    if (geteuid() == 0) /* namespaces are root's */
        assert_int_equal(in_child(set_some), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(values),
    };

    return RUN(tests);
}
