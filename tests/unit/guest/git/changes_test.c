#include "guest/git/changes.h"

#include <stdio.h>

#include "test.h"

static char seen[2048];

static int on_file(void *arg, char letter, bool same_mode, struct bytes path, struct bytes original,
                   struct err *e)
{
    size_t n = strlen(seen);

    (void)arg;
    (void)e;
    snprintf(seen + n, sizeof seen - n, "%c%s '%.*s' '%.*s'\n", letter, same_mode ? "=" : "", (int)path.len,
             path.ptr, (int)original.len, original.len ? original.ptr : "");
    return 0;
}

static int on_lines(void *arg, struct bytes path, uint64_t added, uint64_t deleted, bool binary,
                    struct err *e)
{
    size_t n = strlen(seen);

    (void)arg;
    snprintf(seen + n, sizeof seen - n, "%d %d%s '%.*s'\n", (int)added, (int)deleted, binary ? " binary" : "",
             (int)path.len, path.ptr);
    return bytes_are(path, "refuse") ? err_set(e, STATUS_DATA_LOSS, 0, "no") : 0;
}

static const struct git_changes_events events = {on_file, on_lines};

static const char output[] = ":100644 100644 1234567 0000000 M\0a b\0"
                             ":000000 100644 0000000 1234567 A\0:new\nline\0"
                             ":100644 100755 1234567 1234567 R087\0old\0new\0"
                             ":000000 100644 0000000 0000000 U\0both\0"
                             "3\t1\ta b\0"
                             "-\t-\t:new\nline\0"
                             "0\t7\t\0old\0new\0"
                             "12\t0\t1\t2\0";
static const char meaning[] = "M= 'a b' ''\nA ':new\nline' ''\nR 'new' 'old'\nU 'both' ''\n"
                              "3 1 'a b'\n0 0 binary ':new\nline'\n0 7 'new'\n12 0 '1\t2'\n";

static void in_pieces(void **state)
{
    struct git_changes x;
    struct err e;

    (void)state;
    for (size_t size = 1; size < sizeof output; size += 1 + size / 3) {
        seen[0] = 0;
        git_changes_init(&x, &events, NULL);
        for (size_t at = 0; at < sizeof output - 1; at += size)
            assert_int_equal(
                git_changes_feed(&x, (struct bytes){output + at, MIN(size, sizeof output - 1 - at)}, &e), 0);
        assert_int_equal(git_changes_end(&x, &e), 0);
        assert_string_equal(seen, meaning);
        git_changes_clear(&x);
    }
}

static int result(struct bytes text)
{
    struct git_changes x;
    struct err e;
    int ret;

    seen[0] = 0;
    git_changes_init(&x, &events, NULL);
    ret = git_changes_feed(&x, text, &e) < 0 ? -1 : git_changes_end(&x, &e) < 0 ? -2 : 0;
    git_changes_clear(&x);
    return ret;
}

static void not_gits(void **state)
{
    (void)state;
    assert_int_equal(result(BYTES_LIT("")), 0);
    assert_int_equal(result(BYTES_LIT("\0")), -1);
    assert_int_equal(result(BYTES_LIT("x\0")), -1);
    assert_int_equal(result(BYTES_LIT("1\t2\0")), -1);
    assert_int_equal(result(BYTES_LIT("1\tx\ty\0")), -1);
    assert_int_equal(result(BYTES_LIT("1234567890123456789\t0\ty\0")), -1);
    assert_int_equal(result(BYTES_LIT("\t1\ty\0")), -1);
    assert_int_equal(result(BYTES_LIT(":\0")), -1);
    assert_int_equal(result(BYTES_LIT(":1 2 3 4\0")), -1);
    assert_int_equal(result(BYTES_LIT(":1 2 3 4 X\0y\0")), -1);
    assert_int_equal(result(BYTES_LIT(":1 2 3 4 M\0\0")), -1);
    assert_int_equal(result(BYTES_LIT(":1 2 3 4 M\0")), -2);
    assert_int_equal(result(BYTES_LIT(":1 2 3 4 R100\0old\0")), -2);
    assert_int_equal(result(BYTES_LIT("1\t2\t\0old\0")), -2);
    assert_int_equal(result(BYTES_LIT("1\t2\tpart")), -2);
    assert_int_equal(result(BYTES_LIT("1\t2\trefuse\0")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_pieces), cmocka_unit_test(not_gits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
