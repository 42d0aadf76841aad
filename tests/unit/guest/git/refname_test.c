#include "guest/git/refname.h"

#include "test.h"

static void names(void **state)
{
    static const char *const good[] = {"a",    "a/b",         "a.b",    "a@b",    "a{b",        "@a",
                                       "a@",   "head",        "a-",     "lock",   "a.locked/b", "\xc3\xbc",
                                       "\xff", "'\"$();&|<>", "HEAD/x", "heads/x"};
    static const char *const bad[] = {"",     "-",    "-a",     "HEAD",     "@",    "@{-1}", "a@{1}", "a..b",
                                      "a~1",  "a^",   "a:b",    "a?",       "a*",   "a[",    "a\\b",  "a b",
                                      "a\tb", "a\nb", "a\x7f",  "/",        "/a",   "a/",    "a//b",  "a.",
                                      ".a",   "a/.b", "a.lock", "a.lock/b", "a/b.", "."};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(git_refname_is_valid(bytes_of(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(git_refname_is_valid(bytes_of(bad[i])));
    assert_false(git_refname_is_valid(BYTES_LIT("a\0b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
