#include "guest/git/updates.h"

#include <stdio.h>

#include "test.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void expect(struct bytes got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.ptr ? got.ptr : "", wanted, got.len);
}

static void pushed(void **state)
{
    struct git_update u;

    (void)state;
    assert_true(git_update_pushed(BYTES_LIT(" \trefs/heads/m:refs/heads/n\t" A ".." B), &u));
    assert_int_equal(u.kind, GIT_UPDATE_FAST_FORWARD);
    expect(u.from, "refs/heads/m");
    expect(u.to, "refs/heads/n");
    expect(u.old_id, A);
    expect(u.new_id, B);
    assert_true(git_update_pushed(BYTES_LIT("+\tHEAD:refs/heads/m\t" A "..." B " (forced update)"), &u));
    assert_int_equal(u.kind, GIT_UPDATE_FORCED);
    expect(u.new_id, B);
    expect(u.reason, "");
    assert_true(git_update_pushed(BYTES_LIT("-\t:refs/heads/m\t[deleted]"), &u));
    assert_int_equal(u.kind, GIT_UPDATE_DELETED);
    expect(u.from, "");
    assert_true(git_update_pushed(BYTES_LIT("*\trefs/tags/v:refs/tags/v\t[new tag]"), &u));
    assert_int_equal(u.kind, GIT_UPDATE_NEW);
    assert_true(git_update_pushed(BYTES_LIT("!\tm:refs/heads/m\t[remote rejected] (hook (x) declined)"), &u));
    assert_int_equal(u.kind, GIT_UPDATE_REJECTED);
    expect(u.reason, "hook (x) declined");
    assert_true(git_update_pushed(BYTES_LIT("=\tm:refs/heads/m\t[up to date]"), &u));
    assert_int_equal(u.kind, GIT_UPDATE_UP_TO_DATE);
    expect(u.old_id, "");
    assert_true(git_update_pushed(BYTES_LIT(" \tm:m\t1234..5678"), &u)); /* ids that are not whole */
    expect(u.old_id, "");
}

static void not_pushed(void **state)
{
    static const char *const lines[] = {"",          "To /x",  "Done",     "Everything up-to-date",
                                        "x\ta:b\tc", "*\ta:b", "*\tab\tc", "*\ta:\tc"};
    struct git_update u;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_false(git_update_pushed(bytes_of(lines[i]), &u));
}

static void fetched(void **state)
{
    struct git_update u;

    (void)state;
    assert_true(git_update_fetched(BYTES_LIT("   " A ".." B "  main       -> origin/main"), &u));
    assert_int_equal(u.kind, GIT_UPDATE_FAST_FORWARD);
    expect(u.to, "origin/main");
    assert_true(git_update_fetched(BYTES_LIT(" + 1...2 main -> origin/main  (forced update)"), &u));
    assert_int_equal(u.kind, GIT_UPDATE_FORCED);
    expect(u.to, "origin/main");
    assert_true(git_update_fetched(BYTES_LIT(" ! [rejected]  v1 -> v1  (would clobber existing tag)"), &u));
    assert_int_equal(u.kind, GIT_UPDATE_REJECTED);
    expect(u.reason, "would clobber existing tag");
    assert_false(git_update_fetched(BYTES_LIT("remote:  * x -> y"), &u));
    assert_false(git_update_fetched(BYTES_LIT("From /x -> y"), &u));
    assert_false(git_update_fetched(BYTES_LIT(" -> y"), &u));
    assert_false(git_update_fetched(BYTES_LIT(" * x -> "), &u));
}

static char seen[512];

static int on_line(struct git_lines *l, struct bytes line, struct err *e)
{
    size_t n = strlen(seen);

    (void)l;
    (void)e;
    snprintf(seen + n, sizeof seen - n, "%.*s|", (int)MIN(line.len, 9), line.ptr);
    return 0;
}

static void lines(void **state)
{
    static struct git_lines l = {.line = on_line};
    struct err e;

    (void)state;
    *seen = 0;
    for (const char *c = "one\rtwo\n\nth"; *c; c++)
        assert_int_equal(git_lines_feed(&l, (struct bytes){c, 1}, &e), 0);
    assert_string_equal(seen, "one|two||");
    for (unsigned i = 2; i < GIT_LINE_MAX; i++)
        assert_int_equal(git_lines_feed(&l, BYTES_LIT("x"), &e), 0);
    assert_int_equal(git_lines_feed(&l, BYTES_LIT("\n"), &e), 0); /* the longest */
    assert_string_equal(seen, "one|two||thxxxxxxx|");
    for (unsigned i = 0; i <= GIT_LINE_MAX; i++)
        assert_int_equal(git_lines_feed(&l, BYTES_LIT("x"), &e), 0);
    assert_int_equal(git_lines_feed(&l, BYTES_LIT("\nend\n"), &e), 0);
    assert_string_equal(seen, "one|two||thxxxxxxx|end|");
}

static int found(struct git_refs *r, struct bytes name, struct bytes old_id, struct bytes new_id,
                 struct err *e)
{
    size_t n = strlen(seen);

    (void)r;
    (void)e;
    snprintf(seen + n, sizeof seen - n, "%.*s:%c%c ", (int)name.len, name.ptr, old_id.len ? *old_id.ptr : '-',
             new_id.len ? *new_id.ptr : '-');
    return 0;
}

/* In pieces of every size. */
static void listings(void **state)
{
    static const char before[] = A " refs/a\n" A " refs/b\n\n" A " refs/c\n" A " refs/e\n",
                      after[] = A " refs/b\n" B " refs/c\n" B " refs/d\n";

    (void)state;
    for (size_t step = 1; step < sizeof before; step++) {
        struct git_refs r;
        struct err e;

        *seen = 0;
        git_refs_init(&r, found);
        for (size_t at = 0; at < sizeof before - 1; at += step)
            assert_int_equal(
                git_refs_feed(&r, (struct bytes){before + at, MIN(step, sizeof before - 1 - at)}, &e), 0);
        assert_int_equal(git_refs_turn(&r, &e), 0);
        for (size_t at = 0; at < sizeof after - 1; at += step)
            assert_int_equal(
                git_refs_feed(&r, (struct bytes){after + at, MIN(step, sizeof after - 1 - at)}, &e), 0);
        assert_int_equal(git_refs_end(&r, &e), 0);
        assert_string_equal(seen, "refs/a:a- refs/b:aa refs/c:ab refs/d:-b refs/e:a- ");
        git_refs_clear(&r);
    }
}

static void bad_listings(void **state)
{
    static const char *const lines[] = {"x refs/a\n", A "\n", A " \n", " \n"};
    struct git_refs r;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        git_refs_init(&r, found);
        assert_int_equal(git_refs_feed(&r, bytes_of(lines[i]), &e), -1);
        assert_int_equal(e.status, STATUS_INTERNAL);
        git_refs_clear(&r);
    }
    git_refs_init(&r, found);
    assert_int_equal(git_refs_feed(&r, BYTES_LIT(A), &e), 0);
    assert_int_equal(git_refs_turn(&r, &e), -1);
    git_refs_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pushed),   cmocka_unit_test(not_pushed),
                                       cmocka_unit_test(fetched),  cmocka_unit_test(lines),
                                       cmocka_unit_test(listings), cmocka_unit_test(bad_listings)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
