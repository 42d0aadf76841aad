#include "guest/git/heard.h"

#include "test.h"

static void each_run_is_heard_alone(void **state)
{
    struct git_heard h = {0};
    struct git_sink *s = git_heard_begin(&h);
    struct err e;

    (void)state;
    assert_int_equal(s->feed(s, BYTES_LIT("one"), &e), 0);
    assert_int_equal(s->feed(s, BYTES_LIT(" two\n"), &e), 0);
    assert_true(bytes_are(git_tail_text(&h.text), "one two\n"));
    s = git_heard_begin(&h);
    assert_int_equal(git_tail_text(&h.text).len, 0);
    assert_int_equal(s->feed(s, BYTES_LIT("three"), &e), 0);
    assert_true(bytes_are(git_tail_text(&h.text), "three"));
    git_tail_clear(&h.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_run_is_heard_alone)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
