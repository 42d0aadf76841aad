#include <stdio.h>

#include "core/base64.h"
#include "core/limits.h"
#include "ctl/client/form.h"
#include "rpc/codec/json.h"

/* The Connect protocol, https://connectrpc.com/docs/protocol. */

static int ask(struct http_fields *f, uint64_t timeout_ms)
{
    int ret = http_fields_add(f, "connect-protocol-version", BYTES_LIT("1"));
    char text[32];

    if (ret < 0 || timeout_ms == 0)
        return ret;
    snprintf(text, sizeof text, "%llu", (unsigned long long)MIN(timeout_ms, 9999999999u));
    return http_fields_add(f, "connect-timeout-ms", bytes_of(text));
}

static void read_detail(struct call *c, const json_t *j)
{
    const char *type = json_string_value(json_object_get(j, "type"));
    const char *value = json_string_value(json_object_get(j, "value"));
    CLEANUP_FREE uint8_t *bytes = value ? malloc(strlen(value) / 4 * 3 + 2) : NULL;
    ptrdiff_t len = bytes ? base64_decode(bytes_of(value), bytes) : -1;

    if (type && len >= 0)
        call_add_detail(c, bytes_of(type), bytes, (size_t)len);
}

/* The same of one that is parsed; NULL or of another type than an object: it has nothing. */
static bool read_object(struct call *c, const json_t *j, enum status otherwise)
{
    const char *code = json_string_value(json_object_get(j, "code"));
    const json_t *details = json_object_get(j, "details");
    enum status status = code ? status_from_name(bytes_of(code)) : STATUS_OK;
    bool known = status != STATUS_OK && strcmp(status_name(status), code) == 0;

    call_fail(c, known ? status : otherwise, bytes_of(json_string_value(json_object_get(j, "message"))));
    for (size_t i = 0; i < json_array_size(details); i++)
        read_detail(c, json_array_get(details, i));
    return known;
}

bool connect_read_error(struct call *c, struct bytes text, enum status otherwise)
{
    json_t *j = json_parse(text, OBJECT_MEMORY, NULL);
    bool known = read_object(c, j, otherwise);

    json_decref(j);
    return known;
}

/* Trailing metadata of a response that is one body stands in its head, with a prefix. */
static void unary_gather(struct call *c)
{
    static const char prefix[] = "trailer-";
    const struct http_fields *f = &c->wire->head;

    for (uint32_t i = 0; i < f->count; i++) {
        struct bytes name = http_field_name(f, i);
        size_t skip = sizeof prefix - 1;

        /* It is shorter than the head, which was within the bounds. */
        if (name.len > skip && memcmp(name.ptr, prefix, skip) == 0 &&
            http_fields_append(&c->trailers, "", (struct bytes){name.ptr + skip, name.len - skip},
                               http_field_value(f, i)) < 0)
            return;
    }
}

static int stream_end(struct call *c)
{
    return call_fail_protocol(c, buffer_len(&c->wire->in) > 0 ? "the answer ends inside a message"
                                                              : "the stream ended without an end");
}

/* {"name":["value","value"],...} */
static int read_metadata(struct call *c, json_t *metadata)
{
    const char *name;
    json_t *values;

    json_object_foreach(metadata, name, values)
    {
        for (size_t i = 0; i < json_array_size(values); i++) {
            const char *value = json_string_value(json_array_get(values, i));

            if (value && http_fields_add(&c->trailers, name, bytes_of(value)) < 0)
                return call_fail_protocol(c, "the trailing metadata is none, or too large");
        }
    }
    return 2;
}

static int stream_end_message(struct call *c, struct bytes text)
{
    json_t *j = json_parse(text, OBJECT_MEMORY, NULL);
    json_t *error = json_object_get(j, "error");
    int ret;

    if (!j)
        return call_fail_protocol(c, "the end of the stream is no JSON object");
    ret = read_metadata(c, json_object_get(j, "metadata"));
    if (ret == 2 && json_is_object(error)) {
        read_object(c, error, STATUS_UNKNOWN);
        ret = -1;
    }
    json_decref(j);
    return ret;
}

const struct call_form connect_unary_form = {
    .types = {[CODEC_PROTO] = "application/proto", [CODEC_JSON] = "application/json"},
    .family = "application/",
    .encoding = "content-encoding",
    .accept_encoding = "accept-encoding",
    .ask = ask,
    .gather = unary_gather,
};

const struct call_form connect_stream_form = {
    .types = {[CODEC_PROTO] = "application/connect+proto", [CODEC_JSON] = "application/connect+json"},
    .family = "application/connect+",
    .enveloped = true,
    .end_flag = ENVELOPE_END_STREAM,
    .encoding = "connect-content-encoding",
    .accept_encoding = "connect-accept-encoding",
    .ask = ask,
    .end = stream_end,
    .end_message = stream_end_message,
};
