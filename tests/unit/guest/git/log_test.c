#include "guest/git/log.h"

#include <stdio.h>

#include "core/limits.h"
#include "test.h"

#define H "0123456789012345678901234567890123456789"

static char seen[2048];

static int on_field(void *arg, enum git_log_field f, struct bytes value, bool cut, struct err *e)
{
    size_t n = strlen(seen);

    (void)arg;
    snprintf(seen + n, sizeof seen - n, "%d=%.*s%s\n", (int)f, (int)MIN(value.len, (size_t)100), value.ptr,
             cut ? "..." : "");
    return bytes_are(value, "refuse") ? err_set(e, STATUS_DATA_LOSS, 0, "no") : 0;
}

static const char output[] =
    H "\0" H " " H "\0" H "\0"
      "A\0a@x\0001\0B\0b@x\0002\0refs/heads/main\0sub ject\0bo\ndy\n\0" H "\0\0" H "\0\0\0\0\0\0\0\0\0\0";
static const char meaning[] =
    "0=" H "\n1=" H " " H "\n2=" H "\n3=A\n4=a@x\n5=1\n6=B\n7=b@x\n8=2\n9=refs/heads/main\n"
    "10=sub ject\n11=bo\ndy\n\n"
    "0=" H "\n1=\n2=" H "\n3=\n4=\n5=\n6=\n7=\n8=\n9=\n10=\n11=\n";

static void in_pieces(void **state)
{
    struct git_log l;
    struct err e;

    (void)state;
    for (size_t size = 1; size < sizeof output; size += 1 + size / 3) {
        seen[0] = 0;
        git_log_init(&l, on_field, NULL);
        for (size_t at = 0; at < sizeof output - 1; at += size)
            assert_int_equal(
                git_log_feed(&l, (struct bytes){output + at, MIN(size, sizeof output - 1 - at)}, &e), 0);
        assert_int_equal(git_log_end(&l, &e), 0);
        assert_string_equal(seen, meaning);
        git_log_clear(&l);
    }
}

static int result(struct bytes text)
{
    struct git_log l;
    struct err e;
    int ret;

    seen[0] = 0;
    git_log_init(&l, on_field, NULL);
    ret = git_log_feed(&l, text, &e) < 0 ? -1 : git_log_end(&l, &e) < 0 ? -2 : 0;
    git_log_clear(&l);
    return ret;
}

static void not_gits(void **state)
{
    (void)state;
    assert_int_equal(result(BYTES_LIT("")), 0);
    assert_int_equal(result(BYTES_LIT("fatal\0")), -1);
    assert_int_equal(result(BYTES_LIT("\0")), -1);
    assert_int_equal(result(BYTES_LIT(H "g\0")), -1);
    assert_int_equal(result(BYTES_LIT(H "\0\0tree\0")), -1);
    assert_int_equal(result(BYTES_LIT(H "\0")), -2);
    assert_int_equal(result(BYTES_LIT(H)), -2);
    assert_int_equal(result(BYTES_LIT(H "\0refuse\0")), -1);
}

static void a_long_message(void **state)
{
    static char text[GIT_MESSAGE_MAX + 2];
    struct git_log l;
    struct err e;

    (void)state;
    memset(text, 'x', sizeof text);
    text[GIT_MESSAGE_MAX + 1] = 0;
    seen[0] = 0;
    git_log_init(&l, on_field, NULL);
    l.next = GIT_LOG_BODY;
    assert_int_equal(git_log_feed(&l, (struct bytes){text, sizeof text}, &e), 0);
    assert_non_null(strstr(seen, "x...\n"));
    git_log_clear(&l);
}

static void refs(void **state)
{
    struct bytes text = BYTES_LIT(
        "HEAD, grafted, refs/heads/a,b, tag: refs/tags/v1, refs/remotes/origin/HEAD, refs/stash, x");

    (void)state;
    assert_true(bytes_are(git_log_ref(&text), "a,b"));
    assert_true(bytes_are(git_log_ref(&text), "v1"));
    assert_true(bytes_are(git_log_ref(&text), "origin/HEAD"));
    assert_int_equal(git_log_ref(&text).len, 0);
    assert_int_equal(git_log_ref(&text).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_pieces), cmocka_unit_test(not_gits),
                                       cmocka_unit_test(a_long_message), cmocka_unit_test(refs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
