#include <stdio.h>

#include "core/base64.h"
#include "ctl/client/form.h"

/* gRPC, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: the end stands in HTTP's trailer. */

/* Up to eight digits and a unit. */
static int ask(struct http_fields *f, uint64_t timeout_ms)
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'m', 1}, {'S', 1000}, {'M', 60000}, {'H', 3600000}};
    int ret = http_fields_add(f, "te", BYTES_LIT("trailers"));
    char text[32];
    size_t u = 0;

    if (ret < 0 || timeout_ms == 0)
        return ret;
    while (u < ARRAY_LEN(units) - 1 && timeout_ms / units[u].ms > 99999999)
        u++;
    snprintf(text, sizeof text, "%llu%c", (unsigned long long)MIN(timeout_ms / units[u].ms, 99999999u),
             units[u].unit);
    return http_fields_add(f, "grpc-timeout", bytes_of(text));
}

/* --- the status ------------------------------------------------------------------------------ */

/* A response of nothing but its end has the trailer's fields in its head. */
static const struct http_fields *fields_of(const struct call *c)
{
    const struct wire *w = c->wire;

    return w->trailer.count == 0 && !w->had_body ? &w->head : &w->trailer;
}

/* Decodes percent-encoding; what is none stays. Returns the length, at most that of `in`. */
static size_t percent_decode(struct bytes in, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        int high = in.ptr[i] == '%' && i + 2 < in.len ? hex_digit(in.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(in.ptr[i + 2]) : -1;

        out[n] = in.ptr[i];
        if (low >= 0) {
            out[n] = (char)(high << 4 | low);
            i += 2;
        }
        n++;
    }
    return n;
}

static int read_varint(struct bytes *in, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; in->len > 0 && shift < 64; shift += 7) {
        uint8_t byte = (uint8_t)*in->ptr;

        in->ptr++;
        in->len--;
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 0;
    }
    return -1;
}

/* The next field of a message in its binary form; *data is that of a length-delimited one, else empty. Returns its number,
 * or 0: there is none that can be read. */
static uint64_t read_field(struct bytes *in, struct bytes *data)
{
    static const size_t fixed[] = {[1] = 8, [5] = 4};
    uint64_t key, len = 0;

    *data = (struct bytes){in->ptr, 0};
    if (read_varint(in, &key) < 0)
        return 0;
    if ((key & 7) == 0)
        return read_varint(in, &len) < 0 ? 0 : key >> 3;
    if ((key & 7) == 2 ? read_varint(in, &len) < 0 : (key & 7) != 1 && (key & 7) != 5)
        return 0;
    if ((key & 7) != 2)
        len = fixed[key & 7];
    if (len > in->len)
        return 0;
    if ((key & 7) == 2)
        *data = (struct bytes){in->ptr, (size_t)len};
    in->ptr += len;
    in->len -= (size_t)len;
    return key >> 3;
}

/* A google.protobuf.Any: type_url = 1, value = 2. */
static void read_any(struct call *c, struct bytes any)
{
    struct bytes data, type = {"", 0}, value = {"", 0};
    const char *slash;
    uint64_t number;

    while ((number = read_field(&any, &data)) > 0) {
        if (number == 1)
            type = data;
        else if (number == 2)
            value = data;
    }
    slash = memrchr(type.ptr, '/', type.len);
    if (slash)
        type = (struct bytes){slash + 1, (size_t)(type.ptr + type.len - slash - 1)};
    call_add_detail(c, type, (const uint8_t *)value.ptr, value.len);
}

/* A google.rpc.Status in base64: the details = 3. */
static void read_details(struct call *c, struct bytes text)
{
    CLEANUP_FREE uint8_t *bytes = text.len > 0 ? malloc(text.len / 4 * 3 + 2) : NULL;
    ptrdiff_t len = bytes ? base64_decode(text, bytes) : -1;
    struct bytes status = {(const char *)bytes, len > 0 ? (size_t)len : 0}, data;
    uint64_t number;

    while ((number = read_field(&status, &data)) > 0)
        if (number == 3)
            read_any(c, data);
}

/* Keeps the trailing metadata: the method's own, those of the status are not. */
static void gather(struct call *c, const struct http_fields *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        struct bytes name = http_field_name(f, i);

        if ((name.len < 5 || memcmp(name.ptr, "grpc-", 5) != 0) && !bytes_are(name, "content-type") &&
            http_fields_append(&c->trailers, "", name, http_field_value(f, i)) < 0)
            return;
    }
}

static int end(struct call *c)
{
    const struct http_fields *f = fields_of(c);
    struct bytes code = http_fields_get(f, "grpc-status"), text = http_fields_get(f, "grpc-message");
    CLEANUP_FREE char *message = malloc(text.len + 1);
    unsigned status = 0;

    gather(c, f);
    for (size_t i = 0; i < code.len && code.len <= 2; i++)
        status = status * 10 + (unsigned)(code.ptr[i] >= '0' && code.ptr[i] <= '9' ? code.ptr[i] - '0' : 99);
    if (code.len == 0)
        return call_fail_protocol(c, "the answer has no status at its end");
    if (code.len <= 2 && status == 0)
        return buffer_len(&c->wire->in) > 0 ? call_fail_protocol(c, "the answer ends inside a message") : 2;
    read_details(c, http_fields_get(f, "grpc-status-details-bin"));
    return call_fail(c,
                     code.len <= 2 && status <= STATUS_UNAUTHENTICATED ? (enum status)status : STATUS_UNKNOWN,
                     (struct bytes){message, message ? percent_decode(text, message) : 0});
}

const struct call_form grpc_form = {
    .types = {[CODEC_PROTO] = "application/grpc+proto", [CODEC_JSON] = "application/grpc+json"},
    .shorthand = "application/grpc",
    .family = "application/grpc",
    .enveloped = true,
    .encoding = "grpc-encoding",
    .accept_encoding = "grpc-accept-encoding",
    .ask = ask,
    .end = end,
};
