#include "core/err.h"

#include <errno.h>

#include "core/utf8.h"
#include "test.h"

static void names(void **state)
{
    (void)state;
    for (int i = 0; i <= 16; i++)
        assert_int_equal(status_from_name(bytes_of(status_name((enum status)i))), i);
    assert_string_equal(status_name(STATUS_RESOURCE_EXHAUSTED), "resource_exhausted");
    assert_string_equal(status_name((enum status)99), "unknown");
    assert_int_equal(status_from_name(BYTES_LIT("nonsense")), STATUS_UNKNOWN);
}

static void text(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(err_set(&e, STATUS_NOT_FOUND, ENOENT, "open '%s'", "/x"), -1);
    assert_string_equal(e.text, "open '/x': no such file or directory");
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    assert_int_equal(e.errnum, ENOENT);
    assert_int_equal(err_wrap(&e, "upload"), -1);
    assert_string_equal(e.text, "upload: open '/x': no such file or directory");
    assert_int_equal(err_set(NULL, STATUS_INTERNAL, 0, "nobody asks"), -1);
    assert_string_equal(errno_text(EACCES), "permission denied");
    assert_string_equal(errno_text(EIO), "input/output error");
    assert_string_equal(errno_text(99999), "errno 99999");
}

static void long_and_foreign_text(void **state)
{
    struct err e;
    char big[3000];

    (void)state;
    err_set(&e, STATUS_INTERNAL, 0, "a\xff\x62\xc3\xa4");
    assert_string_equal(e.text, "a?b\xc3\xa4");
    for (size_t i = 0; i < sizeof big - 1; i += 2)
        memcpy(big + i, "\xc3\xa4", 2);
    big[sizeof big - 2] = 0;
    for (int shift = 0; shift < 3; shift++) {
        err_set(&e, STATUS_INTERNAL, ENOENT, "%.*s%s", shift, "..", big);
        assert_true(strlen(e.text) < ERR_TEXT_MAX && strlen(e.text) > ERR_TEXT_MAX - 8);
        assert_true(utf8_valid(bytes_of(e.text)));
        assert_string_equal(e.text + strlen(e.text) - 3, "...");
    }
    err_wrap(&e, "%s", big);
    assert_true(utf8_valid(bytes_of(e.text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(text),
        cmocka_unit_test(long_and_foreign_text),
    };

    return RUN(tests);
}
