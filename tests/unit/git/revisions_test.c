#include "git/revisions.h"

#include "test.h"

#define H "0123456789012345678901234567890123456789"

static void names(void **state)
{
    struct bytes text = BYTES_LIT(H "\n^" H "\n--\n" H);

    (void)state;
    assert_true(bytes_are(git_revisions_next(&text), H));
    assert_true(bytes_are(git_revisions_next(&text), "^" H));
    assert_int_equal(git_revisions_next(&text).len, 0); /* "--" */
    assert_true(bytes_are(git_revisions_next(&text), H));
    assert_int_equal(git_revisions_next(&text).len, 0);
    assert_false(git_revisions_valid(BYTES_LIT(H H)));
    assert_true(git_revisions_valid(BYTES_LIT(H "012345678901234567890123")));
    assert_false(git_revisions_valid(BYTES_LIT("^")));
    assert_false(git_revisions_valid(BYTES_LIT(H "G")));
    assert_false(git_revisions_valid(BYTES_LIT("")));
}

/* A word is no option, and no name of a file. */
static void the_command(void **state)
{
    struct git_call c = {.arena = {.max = MIB}};
    const char *word = "main", *what = "revision", *option = "-x";
    struct err e;

    (void)state;
    assert_int_equal(git_revisions_ask(&c, &word, &what, 1, &e), 0);
    assert_int_equal(c.command.arg_count, 3);
    assert_string_equal(c.command.args[1], "main");
    assert_string_equal(c.command.args[2], "--");
    assert_int_equal(c.out->feed(c.out, BYTES_LIT(H "\n--\n"), &e), 0);
    assert_true(bytes_are(git_tail_text(&c.heard.text), H "\n--\n"));
    assert_int_equal(git_revisions_ask(&c, &option, &what, 1, &e), -1);
    assert_non_null(strstr(e.text, "revision '-x'"));
    git_tail_clear(&c.heard.text);
    arena_clear(&c.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(the_command)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
