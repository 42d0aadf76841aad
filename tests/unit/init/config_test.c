/* The configuration: what is understood, and that what is not is told with its place and left out. */
#include "test.h"

#include <stdio.h>

#include "init/config.h"

static struct {
    struct config c;
    char told[4096]; /* the complaints, a line each */
    char others[256];
} t;

static void complain(void *arg, const char *where, const struct err *e)
{
    size_t n = strlen(t.told);

    (void)arg;
    snprintf(t.told + n, sizeof t.told - n, "%s: %s\n", where, e->text);
}

/* Knows the key "log-level", and refuses the level "loud". */
static int other(void *arg, const char *key, char **words, unsigned count, struct err *e)
{
    (void)arg;
    if (strcmp(key, "log-level") != 0)
        return 0;
    if (count != 1 || strcmp(words[0], "loud") == 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "no level");
    snprintf(t.others, sizeof t.others, "%s", words[0]);
    return 1;
}

static int setup(void **state)
{
    (void)state;
    config_init(&t.c);
    t.c.complain = complain;
    t.c.other = other;
    *t.told = *t.others = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_clear(&t.c);
    return 0;
}

static void take(const char *text)
{
    config_take_text(&t.c, "f", bytes_of(text));
}

static void boot(const char *line)
{
    config_take_cmdline(&t.c, bytes_of(line));
}

/* A complaint must be the first one and the only one. */
static void told(const char *text)
{
    assert_string_equal(t.told, text);
    *t.told = 0;
}

static void words_and_quotes(void **state)
{
    (void)state;
    take(
        "# a comment\n\n  hostname\tbox # of ours\nenv 'A=a b' \"B=\\\"c\\\" #\" C=d\\ e D= \"E=it's\"'!'\r");
    told("");
    assert_string_equal(t.c.hostname, "box");
    const char *want[] = {"A=a b", "B=\"c\" #", "C=d e", "D=", "E=it's!\r"};
    const struct config_word *w = t.c.env;

    for (size_t i = 0; i < ARRAY_LEN(want); i++, w = w->next)
        assert_string_equal(w->text, want[i]);
    assert_null(w);
}

static void what_is_wrong_has_a_place(void **state)
{
    (void)state;
    take("hostname a\nhostname\n\nnonsense 1\nenv =x\n'open\nhostname b");
    told("f:2: hostname: it takes NAME\nf:4: there is no key 'nonsense'\nf:5: env: not NAME=VALUE: '=x'\n"
         "f:6: a ' is not closed\n");
    assert_string_equal(t.c.hostname, "b");
    config_take_text(&t.c, "f", BYTES_LIT("host\0name x\n"));
    told("f:1: there is a NUL in it\n");
    boot("guestd.hostname=a,b guestd.frob");
    told("kernel command line: hostname: it takes NAME\nkernel command line: there is no key 'frob'\n");
}

static void other_keys_are_offered(void **state)
{
    (void)state;
    take("log-level debug\nlog-level loud\n");
    assert_string_equal(t.others, "debug");
    told("f:2: no level\n");
}

static void the_command_line_is_the_same_language(void **state)
{
    (void)state;
    take("hostname file\n");
    boot("console=ttyS0 quiet guestd.hostname=line guestd.env=A=1,B=2 guestd.env=\"C=3,4 'D=5 6'\" "
         "guestdx.y=1\n");
    told("");
    assert_string_equal(t.c.hostname, "line");
    const char *want[] = {"A=1", "B=2", "C=3,4", "D=5 6"};
    const struct config_word *w = t.c.env;

    for (size_t i = 0; i < ARRAY_LEN(want); i++, w = w->next)
        assert_string_equal(w->text, want[i]);
    assert_null(w);
}

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
    boot("root=/dev/vda rootfstype=squashfs ro rootwait");
    told("");
    assert_string_equal(r->device, "/dev/vda");
    assert_string_equal(r->type, "squashfs");
    assert_false(r->writable);
    assert_int_equal(r->wait_ms, 3600000);
    boot("rootdelay=2 rootdelay=x");
    told("kernel command line: 'x' is no number up to 3600\n");
    assert_int_equal(r->wait_ms, 2000);
}

static void interfaces(void **state)
{
    const struct config_net *n;
    const struct config_route *r;

    (void)state;
    take("net eth0 dhcp\nnet eth1 address=fd00::2/64 address=10.0.0.2/24 gateway=10.0.0.1 mtu=1400 "
         "route=10.1.0.0/16@10.0.0.9#7 route=fd01::/16\n");
    boot("guestd.net=eth0,address=192.168.0.2/30");
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

static void bad_interfaces(void **state)
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

static void it_is_bounded(void **state)
{
    char line[4096] = "env ";

    (void)state;
    for (int i = 0; i < 300; i++)
        strcat(line, "A=b ");
    take(line);
    told("f:1: more than 256 words\n");
    memset(line + 4, 'a', sizeof line - 5);
    line[5] = '=';
    line[sizeof line - 1] = 0;
    for (int i = 0; i < 1000; i++)
        take(line);
    assert_non_null(strstr(t.told, "there is more than 65536 bytes of configuration"));
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

static void files(void **state)
{
    char path[] = "/tmp/config-test-XXXXXX", line[64];
    FILE *f = fdopen(mkstemp(path), "w");

    (void)state;
    config_read_file(&t.c, "/nonexistent/guestd.conf");
    told("");
    config_read_file(&t.c, "/proc");
    assert_string_equal(t.told, "/proc: cannot be read: is a directory\n");
    *t.told = 0;
    fputs("hostname first\n", f);
    for (unsigned i = 0; i < 70000; i++)
        fputc('#', f);
    fputs("\nhostname last\n", f);
    fclose(f);
    config_read_file(&t.c, path);
    snprintf(line, sizeof line, "%s: it is too long; its end is left out\n", path);
    told(line);
    assert_string_equal(t.c.hostname, "first");
    remove(path);
    config_read_cmdline(&t.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_and_quotes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_has_a_place, setup, teardown),
        cmocka_unit_test_setup_teardown(other_keys_are_offered, setup, teardown),
        cmocka_unit_test_setup_teardown(the_command_line_is_the_same_language, setup, teardown),
        cmocka_unit_test_setup_teardown(a_root, setup, teardown),
        cmocka_unit_test_setup_teardown(interfaces, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_interfaces, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rest_of_the_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(every_key_is_documented, setup, teardown),
        cmocka_unit_test_setup_teardown(files, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
