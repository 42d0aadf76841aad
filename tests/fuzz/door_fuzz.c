/* Includes the source to reach how the fields are read that choose protocol, codec and compression. */
#include "rpc/service.c"

#include "fuzz.h"

static void check_encoding(struct bytes v)
{
    bool gzip, identity = v.len == 0 || (v.len == 8 && strncasecmp(v.ptr, "identity", 8) == 0);
    struct err e;

    if (rpc_parse_encoding(v, &gzip, &e) < 0)
        CHECK(e.status == STATUS_UNIMPLEMENTED && !identity);
    else
        CHECK(gzip ? v.len == 4 && strncasecmp(v.ptr, "gzip", 4) == 0 : identity);
    if (rpc_accepts_gzip(v)) { /* it is named */
        CLEANUP_FREE char *text = fuzz_text((const uint8_t *)v.ptr, v.len);

        CHECK(memchr(v.ptr, 0, v.len) || strcasestr(text, "gzip"));
    }
}

/* A content type names one protocol and codec, whatever its parameters, and the same for every kind that it carries. */
static void check_type(struct bytes v)
{
    struct http_exchange x = {0};
    const struct rpc_protocol *unary, *stream;
    const char *type, *stream_type;
    enum codec codec, stream_codec;

    if (http_fields_add(&x.request, "content-type", v) < 0)
        return;
    unary = protocol_of(&x, RPC_UNARY, &codec, &type);
    stream = protocol_of(&x, RPC_BIDI_STREAM, &stream_codec, &stream_type);
    if (unary && stream)
        CHECK(unary == stream && codec == stream_codec && type == stream_type);
    if (!unary && stream) {
        unary = stream;
        type = stream_type;
    }
    if (unary) {
        v = http_fields_get(&x.request, "content-type"); /* without white space around it */
        CHECK(v.len >= strlen(type) && strncasecmp(v.ptr, type, strlen(type)) == 0);
        CHECK(v.len == strlen(type) || v.ptr[strlen(type)] == ' ' || v.ptr[strlen(type)] == ';');
    }
    http_fields_clear(&x.request);
}

/* The input is the value of each of the fields. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size);
    struct bytes value = {copy, size};

    check_encoding(value);
    check_type(value);
    return 0;
}
