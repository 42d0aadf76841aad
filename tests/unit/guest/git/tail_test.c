#include "guest/git/tail.h"

#include "core/limits.h"
#include "test.h"

static void keeps_the_end(void **state)
{
    struct git_tail t = {0};
    char piece[1000];
    struct err e;

    (void)state;
    assert_int_equal(git_tail_text(&t).len, 0);
    assert_int_equal(git_tail_add(&t, BYTES_LIT("begin"), &e), 0);
    for (unsigned i = 0; i < 300; i++) {
        memset(piece, 'a' + (int)(i % 26), sizeof piece);
        assert_int_equal(git_tail_add(&t, (struct bytes){piece, sizeof piece}, &e), 0);
        assert_true(t.cap <= 2 * GIT_STDERR_MAX);
    }
    assert_int_equal(git_tail_text(&t).len, GIT_STDERR_MAX);
    for (size_t i = 0; i < GIT_STDERR_MAX; i++)
        assert_int_equal(git_tail_text(&t).ptr[GIT_STDERR_MAX - 1 - i], 'a' + (int)((299 - i / 1000) % 26));
    git_tail_clear(&t);
    assert_int_equal(git_tail_text(&t).len, 0);
}

static void one_large_piece(void **state)
{
    static char text[3 * GIT_STDERR_MAX];
    struct git_tail t = {0};
    struct err e;

    (void)state;
    text[sizeof text - 1] = 'z';
    assert_int_equal(git_tail_add(&t, (struct bytes){text, sizeof text}, &e), 0);
    assert_int_equal(git_tail_text(&t).len, GIT_STDERR_MAX);
    assert_int_equal(git_tail_text(&t).ptr[GIT_STDERR_MAX - 1], 'z');
    git_tail_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_the_end), cmocka_unit_test(one_large_piece)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
