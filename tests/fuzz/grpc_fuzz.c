/* Includes the source to reach how deadlines are read, and how a status is written. */
#include "rpc/grpc.c"

#include "fuzz.h"

/* grpc-timeout: one to eight digits and a unit. */
static void check_timeout(struct bytes v)
{
    bool good = v.len >= 2 && v.len <= 9 && memchr("HMSmun", v.ptr[v.len - 1], 6);
    uint64_t ms;
    struct err e;

    for (size_t i = 0; good && i < v.len - 1; i++)
        good = v.ptr[i] >= '0' && v.ptr[i] <= '9';
    CHECK((parse_timeout(v, &ms, &e) == 0) == good);
    if (!good)
        CHECK(e.status == STATUS_INVALID_ARGUMENT);
    else
        CHECK(ms >= 1 && ms <= 99999999ull * 3600 * 1000);
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* The message comes back out of its encoding, which is printable. */
static void check_message(const char *text)
{
    CLEANUP_FREE char *coded = malloc(3 * strlen(text) + 1);
    size_t n, at = 0;

    CHECK(coded);
    n = percent_encode(text, coded);
    CHECK(n >= strlen(text) && n <= 3 * strlen(text));
    for (size_t i = 0; i < n; i++, at++) {
        CHECK(coded[i] >= ' ' && coded[i] <= '~');
        if (coded[i] == '%') {
            CHECK(i + 2 < n && (char)(digit(coded[i + 1]) << 4 | digit(coded[i + 2])) == text[at]);
            i += 2;
        } else {
            CHECK(coded[i] == text[at]);
        }
    }
    CHECK(text[at] == 0);
}

/* The status with its detail is a message that protobuf's rules allow. */
static void check_details(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_text(data, size);
    struct err error;
    struct rpc_call call = {.error = &error, .protocol = &grpc};
    CLEANUP_FREE char *coded = NULL;
    CLEANUP_FREE uint8_t *status = NULL;
    size_t len;
    ptrdiff_t n;

    STAILQ_INIT(&call.details);
    err_set(&error, STATUS_INTERNAL, 0, "%s", text);
    rpc_add_detail_packed(&call, text, (struct bytes){(const char *)data, size});
    coded = status_details(&call, &len);
    CHECK(coded);
    status = malloc(len);
    CHECK(status);
    n = base64_decode((struct bytes){coded, len}, status);
    CHECK(n > 4 && status[0] == 1 << 3 && status[1] == STATUS_INTERNAL && status[2] == (2 << 3 | 2));
    CHECK(size == 0 || size > TRAILER_DETAILS_MAX ||
          memcmp(status + n - size, data, size) == 0); /* what has no room is not there */
    free(STAILQ_FIRST(&call.details));
}

/* The input is a field's value, a message, and a detail. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size), *text = fuzz_text(data, size);

    if (size > 0)
        check_timeout((struct bytes){copy, size});
    check_message(text);
    check_details(data, size);
    return 0;
}
