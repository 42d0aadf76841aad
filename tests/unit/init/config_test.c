/* The configuration's language: what is understood, and that what is not is told with its place and left out. */
#include "init/config_rig.h"

static void boot(const char *line)
{
    config_take_cmdline(&t.c, bytes_of(line));
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

static void the_kernels_own_words(void **state)
{
    const struct config_root *r = &t.c.root;

    (void)state;
    take("root LABEL=data rw\n");
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
        cmocka_unit_test_setup_teardown(the_kernels_own_words, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(files, setup, teardown),
    };

    return RUN(tests);
}
