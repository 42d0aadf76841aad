#include "guest/git/branches.h"

#include <stdio.h>

#include "test.h"

#define LINE(ref, head, symref, upstream, track, time, subject)                                              \
    ref "\0" head "\0" symref "\0"                                                                           \
        "aa\0" upstream "\0" track "\0" time "\0" subject "\n"

static char told[1024];

static int on_branch(void *arg, const struct git_branch *b, struct err *e)
{
    (void)e;
    ++*(unsigned *)arg;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%.*s%s%s%s %.*s %.*s%s +%u-%u @%lld %.*s;",
             (int)b->name.len, b->name.ptr, b->current ? " current" : "", b->remote ? " remote" : "",
             b->symbolic ? " symbolic" : "", (int)b->commit.len, b->commit.ptr, (int)b->upstream.len,
             b->upstream.ptr, b->gone ? " gone" : "", b->ahead, b->behind,
             b->has_time ? (long long)b->time : -1LL, (int)b->subject.len, b->subject.ptr);
    return 0;
}

/* Reads the text in pieces of that size; what the reader said of it. */
static int read_all(struct bytes text, size_t size, struct err *e)
{
    struct git_branches r;
    unsigned count = 0;
    int ret = 0;

    told[0] = 0;
    git_branches_init(&r, on_branch, &count);
    for (size_t at = 0; ret == 0 && at < text.len; at += size)
        ret = git_branches_feed(&r, (struct bytes){text.ptr + at, MIN(size, text.len - at)}, e);
    if (ret == 0)
        ret = git_branches_end(&r, e);
    git_branches_clear(&r);
    return ret;
}

static void every_field(void **state)
{
    static const char text[] =
        LINE("refs/heads/main", "*", "", "refs/remotes/o/main", "ahead 12, behind 3", "981173106",
             "a\tsubject") LINE("refs/heads/a/b", " ", "", "refs/heads/main", "behind 4", "-1", "")
            LINE("refs/heads/n", " ", "", "", "", "", "x\0y")
                LINE("refs/heads/g", " ", "", "refs/remotes/o/g", "gone", "0", "s")
                    LINE("refs/remotes/o/HEAD", " ", "refs/remotes/o/main", "", "", "0", "s");
    struct err e;

    (void)state;
    for (size_t size = 1; size < sizeof text; size += 7) {
        assert_int_equal(read_all((struct bytes){text, sizeof text - 1}, size, &e), 0);
        assert_string_equal(told,
                            "main current aa o/main +12-3 @981173106 a\tsubject;a/b aa main +0-4 @-1 ;"
                            "n aa  +0-0 @-1 x;g aa o/g gone +0-0 @0 s;o/HEAD remote symbolic aa  +0-0 @0 s;");
    }
}

/* A commit may say any time; what no calendar holds is none. */
static void times(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(read_all(BYTES_LIT(LINE("refs/heads/a", "", "", "", "", "253402300799", "")), 1000, &e),
                     0);
    assert_string_equal(told, "a aa  +0-0 @253402300799 ;");
    assert_int_equal(read_all(BYTES_LIT(LINE("refs/heads/a", "", "", "", "", "253402300800", "")), 1000, &e),
                     0);
    assert_string_equal(told, "a aa  +0-0 @-1 ;");
    assert_int_equal(
        read_all(BYTES_LIT(LINE("refs/heads/a", "", "", "", "", "99999999999999999999999999", "")), 1000, &e),
        0);
    assert_string_equal(told, "a aa  +0-0 @-1 ;");
}

static void what_git_does_not_write(void **state)
{
    static const struct bytes cases[] = {
        BYTES_LIT("\n"),
        BYTES_LIT("refs/heads/a\0*\0\0aa\0\0\n"),
        BYTES_LIT(LINE("refs/tags/a", "", "", "", "", "", "")),
        BYTES_LIT(LINE("refs/heads/a", "", "", "", "ahead", "", "")),
        BYTES_LIT(LINE("refs/heads/a", "", "", "", "ahead 1,behind 2", "", "")),
        BYTES_LIT(LINE("refs/heads/a", "", "", "", "ahead 1000000000", "", "")),
        BYTES_LIT(LINE("refs/heads/a", "", "", "", "ahead x", "", "")),
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(read_all(cases[i], 1000, &e), -1);
        assert_int_equal(e.status, STATUS_INTERNAL);
    }
    assert_int_equal(read_all(BYTES_LIT("refs/heads/a"), 1000, &e), -1); /* no end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_field), cmocka_unit_test(times),
                                       cmocka_unit_test(what_git_does_not_write)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
