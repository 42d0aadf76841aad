/* Includes the source to reach how a deadline is read. */
#include "rpc/connect.c"

#include "fuzz.h"

/* Connect-Timeout-Ms: up to ten digits, and an empty one is none, as in connect-go. */
static void check_timeout(struct bytes v)
{
    CLEANUP_FREE char *text = strndup(v.ptr, v.len);
    bool good = v.len <= 10;
    uint64_t ms;
    struct err e;

    CHECK(text);
    for (size_t i = 0; i < v.len; i++)
        good = good && v.ptr[i] >= '0' && v.ptr[i] <= '9';
    CHECK((parse_timeout(v, &ms, &e) == 0) == good);
    if (!good)
        CHECK(e.status == STATUS_INVALID_ARGUMENT);
    else if (v.len == 0)
        CHECK(ms == 0);
    else
        CHECK(ms == MAX(strtoull(text, NULL, 10), 1u));
}

/* The input is the field's value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size);

    check_timeout((struct bytes){copy, size});
    return 0;
}
