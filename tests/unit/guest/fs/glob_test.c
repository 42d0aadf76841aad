#include "guest/fs/glob.h"

#include "core/limits.h"

#include "tree.h"

static struct fs_glob g;
static struct arena arena = {.max = MIB};
static struct err e;

/* One name. */
static void names(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool fits;
    } cases[] = {
        {"abc", "abc", true},
        {"abc", "abd", false},
        {"", "", true},
        {"*", "", true},
        {"*", "abc", true},
        {"*", ".abc", false},
        {"?abc", ".abc", false},
        {"[.]abc", ".abc", false},
        {".*", ".abc", true},
        {"\\.abc", ".abc", true},
        {"*c", "abcc", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},
        {"a?c", "abc", true},
        {"a?c", "a\303\244c", true},
        {"a?c", "ac", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[^a-c]x", "dx", true},
        {"[^a-c]x", "bx", false},
        {"[^a]", "", false},
        {"[a\\-z]", "-", true},
        {"[a\\-z]", "b", false},
        {"[\\]]", "]", true},
        {"a[-]b", "a-b", false},
        {"[\303\240-\303\277]", "\303\244", true},
        {"a**b", "axxb", true},
        {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false},
        {"x\\*", "x*", true},
        {"x\\*", "xy", false},
        {"\377*", "\377\377", true},
    };
    bool bad;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (fs_glob_match(bytes_of(cases[i].pattern), bytes_of(cases[i].name), &bad) != cases[i].fits)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].name);
}

static void bad_patterns(void **state)
{
    static const char *const bad[] = {"[",   "[]", "[]a]", "[a",  "[a-", "[a-]", "[-a]",
                                      "a[b", "\\", "x\\",  "[\\", "[^",  "*[",   "[a-b-c]"};
    bool is_bad;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(fs_glob_match(bytes_of(bad[i]), bytes_of("x"), &is_bad));
        if (!is_bad)
            fail_msg("'%s'", bad[i]);
    }
    fs_glob_match(bytes_of("[a-c]*?\\["), bytes_of("x"), &is_bad);
    assert_false(is_bad);
}

/* The matches below the test's directory, each followed by a space. */
static const char *glob(const char *pattern)
{
    static char text[4096];

    arena_clear(&arena);
    g = (struct fs_glob){.pattern = below(pattern), .stop = &stop, .arena = &arena};
    text[0] = 0;
    if (fs_glob(&g, &e) < 0)
        return e.text;
    for (size_t i = 0; i < g.count; i++)
        sprintf(text + strlen(text), "%s ", g.paths[i] + strlen(dir) + 1);
    return text;
}

static void paths(void **state)
{
    (void)state;
    make_dir("a");
    make_dir("a/b");
    make_dir("a/b/c");
    make_dir("a/.git");
    make_dir("x");
    make_file("1.c", "");
    make_file("a/2.c", "");
    make_file("a/b/c/3.c", "");
    make_file("a/.git/4.c", "");
    make_file("x/b", "");
    assert_int_equal(symlink("a", below("link")), 0);
    assert_int_equal(symlink("..", below("a/b/up")), 0);
    assert_string_equal(glob("*"), "1.c a link x ");
    assert_string_equal(glob("*.c"), "1.c ");
    assert_string_equal(glob("*/*.c"), "a/2.c link/2.c ");
    assert_string_equal(glob("**/*.c"), "1.c a/2.c a/b/c/3.c ");
    assert_string_equal(glob("**/**/*.c"), "1.c a/2.c a/b/c/3.c ");
    assert_string_equal(glob("a/**"), "a/2.c a/b a/b/c a/b/c/3.c a/b/up ");
    assert_string_equal(glob("a/**/c"), "a/b/c ");
    assert_string_equal(glob("**/b"), "a/b x/b ");
    assert_string_equal(glob("link/**/3.c"), "link/b/c/3.c ");
    assert_string_equal(glob("l*/**/3.c"), "link/b/c/3.c ");
    assert_string_equal(glob("a/.g*/*"), "a/.git/4.c ");
    assert_string_equal(glob("a/b/*/2.c"), "a/b/up/2.c ");
    assert_string_equal(glob("*/b/*/b/*/2.c"), "a/b/up/b/up/2.c link/b/up/b/up/2.c ");
    assert_string_equal(glob("1.c"), "1.c ");
    assert_string_equal(glob("none"), "");
    assert_string_equal(glob("none/*"), "");
    assert_string_equal(glob("1.c/*"), "");
    assert_string_equal(glob("a//*.c"), "a/2.c ");
    assert_string_equal(glob("*/"), "1.c a link x ");
}

static void refusals(void **state)
{
    char deep[200] = "";

    (void)state;
    assert_string_equal(glob("a/[/x"), "syntax error in pattern");
    assert_string_equal(glob("["), "syntax error in pattern");
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    for (int i = 0; i < 64; i++)
        strcat(deep, "*/");
    assert_string_equal(glob(deep), "a pattern of more than 63 names");
    atomic_store(&stop, true);
    glob("**");
    assert_int_equal(e.status, STATUS_CANCELED);
    atomic_store(&stop, false);
    arena.max = 64;
    glob("**");
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    arena.max = MIB;
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(bad_patterns),
        cmocka_unit_test(paths),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, clear);
}
