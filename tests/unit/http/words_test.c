#include "http/words.h"

#include <string.h>

#include "test.h"

static void reasons(void **state)
{
    (void)state;
    assert_string_equal(words_reason(200), "OK");
    assert_string_equal(words_reason(431), "Request Header Fields Too Large");
    assert_string_equal(words_reason(299), "");
}

static void dates(void **state)
{
    const char *date = words_date();

    (void)state;
    assert_int_equal(strlen(date), strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_string_equal(date + 25, " GMT");
    assert_ptr_equal(date, words_date());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons),
        cmocka_unit_test(dates),
    };

    return RUN(tests);
}
