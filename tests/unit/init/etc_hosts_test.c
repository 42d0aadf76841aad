/* /etc/hosts: what there is stays, what lacks is added. */
#include "init/space.h"

#include "core/base.h"
#include "init/etc_hosts.h"

static void becomes(const char *text, const char *name, const struct config_pair *statements,
                    const char *expected)
{
    CLEANUP_FREE char *out = etc_hosts_complete(text, name, statements);

    if (!expected) {
        assert_null(out);
        return;
    }
    assert_non_null(out);
    assert_string_equal(out, expected);
}

#define LOCALHOST "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

static void an_empty_one_gets_localhost_and_the_name(void **state)
{
    (void)state;
    becomes("", "box", NULL, LOCALHOST "127.0.1.1\tbox\n");
    becomes("", "", NULL, LOCALHOST);
    becomes("", NULL, NULL, LOCALHOST);
}

static void what_is_there_stays_as_it_is(void **state)
{
    (void)state;
    becomes("127.0.0.1 localhost box\n", "box", NULL, NULL);
    becomes("# ours\n127.0.0.1\tlocalhost", "box", NULL, "# ours\n127.0.0.1\tlocalhost\n127.0.1.1\tbox\n");
    becomes("127.0.0.1 localhost\n10.0.0.5   long.box.example\tbox # ours\n", "box", NULL, NULL);
}

static void a_comment_or_a_part_of_a_word_is_no_name(void **state)
{
    (void)state;
    becomes("127.0.0.1 localhost #box\n# 1.1.1.1 box\n1.1.1.1 boxes my-box\n", "box", NULL,
            "127.0.0.1 localhost #box\n# 1.1.1.1 box\n1.1.1.1 boxes my-box\n127.0.1.1\tbox\n");
    becomes("box localhost\n", "box", NULL,
            "box localhost\n127.0.1.1\tbox\n"); /* an address is none either */
}

static void statements_are_added_once(void **state)
{
    struct config_pair second = {.name = "10.0.0.2", .value = "b c"}, first = {&second, "10.0.0.1", "a"};

    (void)state;
    becomes("127.0.0.1 localhost\n", NULL, &first, "127.0.0.1 localhost\n10.0.0.1\ta\n10.0.0.2\tb c\n");
    becomes("127.0.0.1 localhost\n10.0.0.1 a\n10.0.0.2 c b d\n", NULL, &first, NULL);
    /* another address has the name, or only a part is there */
    becomes("127.0.0.1 localhost\n10.0.0.9 a\n10.0.0.2 b\n", NULL, &first,
            "127.0.0.1 localhost\n10.0.0.9 a\n10.0.0.2 b\n10.0.0.1\ta\n10.0.0.2\tb c\n");
}

static int the_file(void)
{
    struct err e;

    NEED(lay_empty("/etc") == 0);
    NEED(etc_hosts_write("box", NULL, &e) == 0);
    NEED(strcmp(text_of_file("/etc/hosts"), LOCALHOST "127.0.1.1\tbox\n") == 0);
    NEED(mount(NULL, "/etc", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    NEED(etc_hosts_write("box", NULL, &e) == 0); /* there is nothing to write */
    NEED(etc_hosts_write("other", NULL, &e) == -1 && strstr(e.text, "write /etc/hosts: "));
    return 0;
}

static void the_file_is_written_only_if_it_must_be(void **state)
{
    (void)state;
    run_in_space(the_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_gets_localhost_and_the_name),
        cmocka_unit_test(what_is_there_stays_as_it_is),
        cmocka_unit_test(a_comment_or_a_part_of_a_word_is_no_name),
        cmocka_unit_test(statements_are_added_once),
        cmocka_unit_test(the_file_is_written_only_if_it_must_be),
    };

    return RUN(tests);
}
