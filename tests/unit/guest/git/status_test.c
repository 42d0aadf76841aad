#include "guest/git/status.h"

#include <stdio.h>

#include "test.h"

static char seen[4096];

static int on_header(void *arg, const struct git_status_header *h, struct err *e)
{
    size_t n = strlen(seen);

    (void)arg;
    (void)e;
    snprintf(seen + n, sizeof seen - n, "%.*s=%.*s\n", (int)h->name.len, h->name.ptr, (int)h->value.len,
             h->value.ptr);
    return 0;
}

static int on_entry(void *arg, const struct git_status_entry *x, struct err *e)
{
    size_t n = strlen(seen);

    (void)arg;
    (void)e;
    snprintf(seen + n, sizeof seen - n, "%d %c%c %s%s%s%s %o %o %o %u '%.*s' '%.*s'\n", (int)x->kind,
             x->staged ? x->staged : '-', x->unstaged ? x->unstaged : '-', x->submodule ? "S" : "",
             x->new_commits ? "C" : "", x->modified ? "M" : "", x->untracked ? "U" : "", x->head_mode,
             x->index_mode, x->worktree_mode, x->score, (int)x->path.len, x->path.ptr,
             (int)x->original_path.len, x->original_path.len ? x->original_path.ptr : "");
    return 0;
}

static const struct git_status_events events = {on_header, on_entry};

#define H "0123456789012345678901234567890123456789"

static const char output[] = "# branch.oid " H "\0"
                             "# branch.head ma in\0"
                             "# branch.ab +1 -2\0"
                             "1 .M N... 100644 100644 100755 " H " " H " a file\0"
                             "2 R. N... 100644 100644 100644 " H " " H " R87 new\nname\0? old\0"
                             "1 M. SCMU 160000 160000 160000 " H " " H " sub\0"
                             "u UU N... 100644 100644 100644 100600 " H " " H " " H " both\0"
                             "? -x\0"
                             "! # y\0";
static const char meaning[] = "branch.oid=" H "\n"
                              "branch.head=ma in\n"
                              "branch.ab=+1 -2\n"
                              "0 .M  100644 100644 100755 0 'a file' ''\n"
                              "0 R.  100644 100644 100644 87 'new\nname' '? old'\n"
                              "0 M. SCMU 160000 160000 160000 0 'sub' ''\n"
                              "1 UU  0 0 100600 0 'both' ''\n"
                              "2 --  0 0 0 0 '-x' ''\n"
                              "3 --  0 0 0 0 '# y' ''\n";

static void in_pieces(void **state)
{
    struct git_status s;
    struct err e;

    (void)state;
    for (size_t size = 1; size < sizeof output; size += 1 + size / 3) {
        seen[0] = 0;
        git_status_init(&s, &events, NULL);
        for (size_t at = 0; at < sizeof output - 1; at += size)
            assert_int_equal(
                git_status_feed(&s, (struct bytes){output + at, MIN(size, sizeof output - 1 - at)}, &e), 0);
        assert_int_equal(git_status_end(&s, &e), 0);
        assert_string_equal(seen, meaning);
        git_status_clear(&s);
    }
}

static void not_gits(void **state)
{
    static const char *const bad[] = {"",
                                      "?",
                                      "x y z",
                                      "?x",
                                      "1 .M N... 100644 100644 100644 " H " " H,
                                      "1 .Q N... 100644 100644 100644 " H " " H " x",
                                      "1 .M N.. 100644 100644 100644 " H " " H " x",
                                      "1 .M N... 100844 100644 100644 " H " " H " x",
                                      "1 .M N... 100644100644 100644 100644 " H " " H " x",
                                      "u UU N... 1 2 3 4 " H " " H " x"};
    struct git_status s;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        git_status_init(&s, &events, NULL);
        assert_int_equal(git_status_feed(&s, (struct bytes){bad[i], strlen(bad[i]) + 1}, &e), -1);
        assert_int_equal(e.status, STATUS_INTERNAL);
        git_status_clear(&s);
    }
    git_status_init(&s, &events, NULL);
    assert_int_equal(git_status_feed(&s, BYTES_LIT("2 R. N... 1 1 1 h h R x\0old\0"), &e), -1); /* no score */
    git_status_clear(&s);
    git_status_init(&s, &events, NULL);
    assert_int_equal(git_status_feed(&s, BYTES_LIT("2 R. N... 1 1 1 h h R9 x\0"), &e), 0);
    assert_int_equal(git_status_end(&s, &e), -1);
    git_status_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_pieces), cmocka_unit_test(not_gits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
