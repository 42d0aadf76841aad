/* Detach keys: docker's syntax, and finding them among what is typed. */
#include "test.h"

#include "ctl/keys.c"

static struct keys k;
static struct err e;

static void sequences_are_docker_s(void **state)
{
    (void)state;
    assert_int_equal(keys_parse(&k, KEYS_DEFAULT, &e), 0);
    assert_int_equal(k.len, 2);
    assert_memory_equal(k.sequence, "\x10\x11", 2);
    assert_int_equal(keys_parse(&k, "a,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_,Z", &e), 0);
    assert_int_equal(k.len, 8);
    assert_memory_equal(k.sequence, "a\0\x1b\x1c\x1d\x1e\x1fZ", 8);
}

static void other_words_are_none(void **state)
{
    static const char *const bad[] = {"",
                                      ",",
                                      "a,",
                                      "ctrl-",
                                      "ctrl-P",
                                      "ctrl-pp",
                                      "ctrl-p,",
                                      "CTRL-p",
                                      "ctrl-1",
                                      "ab",
                                      "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(keys_parse(&k, bad[i], &e), -1);
}

/* Types the pieces; what was passed on, and whether the sequence was seen. */
static bool type(const char *sequence, const char *const *pieces, char *out)
{
    uint8_t passed[64 + KEYS_MAX];
    bool seen = false;
    size_t n;

    assert_int_equal(keys_parse(&k, sequence, &e), 0);
    for (*out = 0; *pieces && !seen; pieces++) {
        seen = keys_pass(&k, (const uint8_t *)*pieces, strlen(*pieces), passed, &n);
        strncat(out, (const char *)passed, n);
    }
    return seen;
}

static void the_sequence_is_found_and_all_else_passed_on(void **state)
{
    static const struct {
        const char *sequence, *pieces[5], *passed;
        bool seen;
    } cases[] = {
        {"a,b", {"xab"}, "x", true},
        {"a,b", {"xa", "by"}, "x", true},
        {"a,b", {"xa", "c"}, "xac", false},
        {"a,b", {"aab"}, "a", true},
        {"a,a,b", {"a", "a", "a", "b"}, "a", true},
        {"a,b,a,c", {"abab", "ac"}, "ab", true},
        {"a,b", {"ba"}, "b", false},
        {"x", {"abc"}, "abc", false},
        {"a,b,a,b,c", {"ababab", "xc"}, "abababxc", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[64];

        assert_int_equal(type(cases[i].sequence, cases[i].pieces, out), cases[i].seen);
        assert_string_equal(out, cases[i].passed);
    }
}

static void without_a_sequence_everything_passes(void **state)
{
    uint8_t out[KEYS_MAX + 2];
    size_t n;

    (void)state;
    k = (struct keys){.len = 0};
    assert_false(keys_pass(&k, (const uint8_t *)"\x10\x11", 2, out, &n));
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_are_docker_s),
        cmocka_unit_test(other_words_are_none),
        cmocka_unit_test(the_sequence_is_found_and_all_else_passed_on),
        cmocka_unit_test(without_a_sequence_everything_passes),
    };

    return RUN(tests);
}
