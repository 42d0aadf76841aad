#include "http/conditional.h"

#include "core/clock.h"
#include "fuzz.h"

/* The text as a date and as a list of entity tags. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size);
    struct bytes text = {copy, size};
    char date[CLOCK_HTTP_DATE];
    int64_t seconds, again;

    if (conditional_parse_date(text, 784111777, &seconds) == 0) {
        clock_http_date(seconds, date);
        CHECK(seconds < CLOCK_SECONDS_MIN || conditional_parse_date(bytes_of(date), 784111777, &again) == 0);
        CHECK(seconds < CLOCK_SECONDS_MIN || again == seconds);
    }
    /* What is equal byte by byte is equal in the weak sense, too; and what is nowhere in the text is not found in it. */
    CHECK(!conditional_list_has(text, "\"a\"", false) || conditional_list_has(text, "\"a\"", true));
    CHECK(!conditional_list_has(text, "\"a\"", true) || memchr(copy, '*', size) ||
          memmem(copy, size, "\"a\"", 3));
    CHECK(!conditional_list_has(text, NULL, true) || memchr(copy, '*', size));
    return 0;
}
