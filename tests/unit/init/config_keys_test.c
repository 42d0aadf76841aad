/* What each key of the configuration takes. */
#include "init/config_rig.h"

static void a_root(void **state)
{
    const struct config_root *r = &t.c.root;

    (void)state;
    take("root LABEL=data type=ext4 options=noatime rw wait=3\noverlay tmpfs\nroot /dev/vdb wait=x\n");
    told("f:3: root: 'x' is no number up to 3600\n");
    assert_string_equal(r->device, "LABEL=data");
    assert_string_equal(r->type, "ext4");
    assert_string_equal(r->options, "noatime");
    assert_true(r->writable);
    assert_int_equal(r->wait_ms, 3000);
    assert_string_equal(r->overlay, "tmpfs");
}

static void interfaces(void **state)
{
    const struct config_net *n;
    const struct config_route *r;

    (void)state;
    take("net eth0 dhcp\nnet eth1 address=fd00::2/64 address=10.0.0.2/24 gateway=10.0.0.1 mtu=1400 "
         "route=10.1.0.0/16@10.0.0.9#7 route=fd01::/16\n");
    take("net eth0 address=192.168.0.2/30\n");
    told("");
    n = t.c.nets;
    assert_string_equal(n->name, "eth0");
    assert_false(n->dhcp); /* the later statement stands for all of it */
    assert_int_equal(n->addresses->bits, 30);
    assert_memory_equal(n->addresses->addr, "\xc0\xa8\0\2", 4);
    n = n->next;
    assert_null(n->next);
    assert_int_equal(n->mtu, 1400);
    assert_int_equal(n->addresses->family, AF_INET6);
    assert_int_equal(n->addresses->next->bits, 24);
    r = n->routes;
    assert_int_equal(r->to.bits, 0);
    assert_true(r->has_via);
    r = r->next;
    assert_int_equal(r->to.bits, 16);
    assert_memory_equal(r->via.addr, "\x0a\0\0\x09", 4);
    assert_int_equal(r->metric, 7);
    r = r->next;
    assert_false(r->has_via);
    assert_int_equal(r->to.family, AF_INET6);
    assert_null(r->next);
}

static void bad_statements(void **state)
{
    static const char *const bad[] = {
        "net",
        "net eth0 address=10.0.0.256",
        "net eth0 address=10.0.0.1/33",
        "net eth0 mtu=70000",
        "net eth0 fast",
        "net eth0 gateway=10.0.0.1/8",
        "net eth0 route=10.0.0.0/8@fd00::1",
        "net eth0 route=10.0.0.0/8#x",
        "net an-interface-with-a-long-name dhcp",
        "dns 10.0.0.0/8",
        "dns nobody",
        "host 1.2.3 a",
        "mount a b",
        "mount tmpfs tmp tmpfs",
        "sysctl x",
        "ready 4294967295",
        "ready -1",
        "handoff sbin/init",
        "start restart=always",
        "start restart=maybe x",
        "start",
        "shutdown-timeout 1h",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        take(bad[i]);
        assert_memory_equal(t.told, "f:1: ", 5);
        *t.told = 0;
    }
    assert_null(t.c.nets);
    assert_null(t.c.starts);
}

static void a_seed_file_is_an_absolute_path(void **state)
{
    (void)state;
    take("seed-file /var/lib/guestd/seed\n");
    assert_string_equal(t.c.seed_file, "/var/lib/guestd/seed");
    take("seed-file seed\n");
    told("f:1: seed-file: not an absolute path: 'seed'\n");
}

static void the_rest_of_the_keys(void **state)
{
    (void)state;
    take("dns 10.0.0.1 fd00::1\nsearch a.example\nhost 10.0.0.3 db db.local\nmodule virtio_net napi_tx=1 "
         "csum=0\n"
         "sysctl net.ipv4.ip_forward=1\nmount tmpfs /scratch tmpfs size=1m,nosuid\nready 5000\n"
         "handoff /sbin/init --log\nshutdown-timeout 0\n"
         "start restart=on-failure user=dev cwd=/srv -- server --port 1\nstart true\n");
    told("");
    assert_string_equal(t.c.dns->next->text, "fd00::1");
    assert_string_equal(t.c.search->text, "a.example");
    assert_string_equal(t.c.hosts->value, "db db.local");
    assert_string_equal(t.c.modules->name, "virtio_net");
    assert_string_equal(t.c.modules->value, "napi_tx=1 csum=0");
    assert_string_equal(t.c.sysctls->name, "net.ipv4.ip_forward");
    assert_string_equal(t.c.sysctls->value, "1");
    assert_string_equal(t.c.mounts->options, "size=1m,nosuid");
    assert_int_equal(t.c.ready_port, 5000);
    assert_string_equal(t.c.handoff[1], "--log");
    assert_null(t.c.handoff[2]);
    assert_int_equal(t.c.shutdown_ms, 1000);
    assert_int_equal(t.c.starts->restart, RESTART_ON_FAILURE);
    assert_string_equal(t.c.starts->user, "dev");
    assert_string_equal(t.c.starts->cwd, "/srv");
    assert_string_equal(t.c.starts->argv[0], "server");
    assert_string_equal(t.c.starts->argv[2], "1");
    assert_string_equal(t.c.starts->next->argv[0], "true");
    assert_int_equal(t.c.starts->next->restart, RESTART_NEVER);
}

static void every_key_is_documented(void **state)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    (void)state;
    assert_true(count > 10);
    for (size_t i = 0; i < count; i++)
        assert_true(*keys[i].name && *keys[i].args && *keys[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_seed_file_is_an_absolute_path, setup, teardown),
        cmocka_unit_test_setup_teardown(a_root, setup, teardown),
        cmocka_unit_test_setup_teardown(interfaces, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_statements, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rest_of_the_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(every_key_is_documented, setup, teardown),
    };

    return RUN(tests);
}
