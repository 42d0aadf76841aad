/* Includes the source to reach how a request's header fields are read. */
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

static void check_encoding(struct bytes v)
{
    bool gzip, identity = v.len == 0 || (v.len == 8 && strncasecmp(v.ptr, "identity", 8) == 0);
    struct err e;

    if (parse_encoding(v, &gzip, &e) < 0)
        CHECK(e.status == STATUS_UNIMPLEMENTED && !identity);
    else
        CHECK(gzip ? v.len == 4 && strncasecmp(v.ptr, "gzip", 4) == 0 : identity);
}

/* A content type names one codec, in one form, whatever its parameters. */
static void check_type(struct bytes v)
{
    int unary_codec = codec_of(v, unary_types), stream_codec = codec_of(v, stream_types);
    int codec = MAX(unary_codec, stream_codec);
    const char *type;

    CHECK(unary_codec < 0 || stream_codec < 0);
    if (codec < 0)
        return;
    type = (unary_codec < 0 ? stream_types : unary_types)[codec];
    CHECK(v.len >= strlen(type) && strncasecmp(v.ptr, type, strlen(type)) == 0);
    CHECK(v.len == strlen(type) || v.ptr[strlen(type)] == ' ' || v.ptr[strlen(type)] == ';');
}

/* The input is the value of each of the fields. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size);
    struct bytes value = {copy, size};

    check_timeout(value);
    check_encoding(value);
    check_type(value);
    return 0;
}
