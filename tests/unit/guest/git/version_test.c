#include "guest/git/version.h"

#include "test.h"

static void parses(void **state)
{
    (void)state;
    assert_int_equal(git_version_parse(BYTES_LIT("git version 2.39.5\n")), 2039);
    assert_int_equal(git_version_parse(BYTES_LIT("git version 2.30.2.windows.1")), 2030);
    assert_int_equal(git_version_parse(BYTES_LIT("git version 3.0")), 3000);
    assert_int_equal(git_version_parse(BYTES_LIT("git version 2.")), 0);
    assert_int_equal(git_version_parse(BYTES_LIT("git version 2")), 0);
    assert_int_equal(git_version_parse(BYTES_LIT("git version 2.3000")), 0);
    assert_int_equal(git_version_parse(BYTES_LIT("got version 2.39")), 0);
    assert_int_equal(git_version_parse(BYTES_LIT("")), 0);
}

static void knows_the_program(void **state)
{
    struct git_program p = {.path = "/bin/git", .stamp = {.ino = 1}};
    struct git_version v = {0};
    struct err e;

    (void)state;
    assert_false(git_version_known(&v, &p));
    git_version_keep(&v, &p, BYTES_LIT("git version 2.30.1"));
    assert_true(git_version_known(&v, &p));
    assert_int_equal(git_version_check(&v, &e), 0);
    p.stamp.ino = 2; /* another file of that name */
    assert_false(git_version_known(&v, &p));
    git_version_keep(&v, &p, BYTES_LIT("git version 2.29.9"));
    assert_int_equal(git_version_check(&v, &e), -1);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    git_version_clear(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parses), cmocka_unit_test(knows_the_program)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
