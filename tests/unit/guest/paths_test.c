#include "guest/paths.h"

#include "test.h"

/* The vectors of Go's path.Clean, https://go.dev/src/path/path_test.go. */
static const char *const cleaned[][2] = {
    {"", "."},
    {"abc", "abc"},
    {"abc/def", "abc/def"},
    {"a/b/c", "a/b/c"},
    {".", "."},
    {"..", ".."},
    {"../..", "../.."},
    {"../../abc", "../../abc"},
    {"/abc", "/abc"},
    {"/", "/"},
    {"abc/", "abc"},
    {"abc/def/", "abc/def"},
    {"a/b/c/", "a/b/c"},
    {"./", "."},
    {"../", ".."},
    {"../../", "../.."},
    {"/abc/", "/abc"},
    {"abc//def//ghi", "abc/def/ghi"},
    {"//abc", "/abc"},
    {"///abc", "/abc"},
    {"//abc//", "/abc"},
    {"abc//", "abc"},
    {"abc/./def", "abc/def"},
    {"/./abc/def", "/abc/def"},
    {"abc/.", "abc"},
    {"abc/def/ghi/../jkl", "abc/def/jkl"},
    {"abc/def/../ghi/../jkl", "abc/jkl"},
    {"abc/def/..", "abc"},
    {"abc/def/../..", "."},
    {"/abc/def/../..", "/"},
    {"abc/def/../../..", ".."},
    {"/abc/def/../../..", "/"},
    {"abc/def/../../../ghi/jkl/../../../mno", "../../mno"},
    {"abc/./../def", "def"},
    {"abc//./../def", "def"},
    {"abc/../../././../def", "../../def"},
    {"...", "..."},
    {"/..a/.b", "/..a/.b"},
};

static void cleans_as_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cleaned); i++) {
        char path[64];

        strcpy(path, cleaned[i][0]);
        path_clean(path);
        assert_string_equal(path, cleaned[i][1]);
    }
}

static void resolves(void **state)
{
    static const struct {
        const char *path, *workdir, *want;
    } cases[] = {
        {NULL, NULL, "/home/u"},    {"", "", "/home/u"},
        {"", "/w", "/w"},           {"", "rel", "/home/u/rel"},
        {"", "~/w", "/home/u/w"},   {"~", NULL, "/home/u"},
        {"~/", NULL, "/home/u"},    {"~/a/../b", NULL, "/home/u/b"},
        {"a", "/w", "/home/u/a"},   {"./a//b/", NULL, "/home/u/a/b"},
        {"../x", NULL, "/home/x"},  {"/a/../b//", "/w", "/a/../b//"},
        {"a~", NULL, "/home/u/a~"},
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *got = path_resolve(cases[i].path, "/home/u", cases[i].workdir, &e);

        assert_string_equal(got, cases[i].want);
        free(got);
    }
    assert_null(path_resolve("~bob", "/home/u", NULL, &e));
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_string_equal(e.text, "cannot expand user-specific home dir");
}

static void last_names(void **state)
{
    static const char *const cases[][2] = {{"/a/b", "b"}, {"/a/b//", "b"}, {"/a", "a"},
                                           {"a", "a"},    {"a/", "a"},     {"/", "/"},
                                           {"///", "/"},  {"", "."},       {".", "."}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(bytes_are(path_base(cases[i][0]), cases[i][1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans_as_go),
        cmocka_unit_test(resolves),
        cmocka_unit_test(last_names),
    };

    return RUN(tests);
}
