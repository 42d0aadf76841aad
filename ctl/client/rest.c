#include "ctl/client/rest.h"

#include <stdio.h>

#include "core/limits.h"
#include "ctl/client/form.h"
#include "rpc/codec/json.h"

/* --- requests -------------------------------------------------------------------------------- */

/* What stands in a query as it is: RFC 3986 section 2.3, and the slash, which paths are full of. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~/", c));
}

int rest_query(struct buffer *path, const char *name, struct bytes value)
{
    struct bytes so_far = buffer_bytes(path);
    int ret = buffer_add(path, memchr(so_far.ptr, '?', so_far.len) ? "&" : "?", 1);

    if (ret == 0)
        ret = buffer_add(path, name, strlen(name));
    if (ret == 0)
        ret = buffer_add(path, "=", 1);
    for (size_t i = 0; ret == 0 && i < value.len; i++) {
        char escape[4];

        if (is_plain(value.ptr[i])) {
            ret = buffer_add(path, value.ptr + i, 1);
        } else {
            snprintf(escape, sizeof escape, "%%%02X", (unsigned)(uint8_t)value.ptr[i]);
            ret = buffer_add(path, escape, 3);
        }
    }
    return ret;
}

/* Begins the exchange with a path that ends in no NUL. */
static int begin(struct wire *w, struct wire_request *r, const struct buffer *path, struct err *e)
{
    struct bytes text = buffer_bytes(path);
    CLEANUP_FREE char *copy = strndup(text.ptr, text.len);

    if (!copy)
        return err_nomem(e, "send a request");
    r->path = copy;
    return wire_begin(w, r, e);
}

static int too_large(struct err *e)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "the request's header is too large");
}

int rest_upload(struct wire *w, const struct buffer *path, struct http_fields *fields, struct bytes body,
                struct err *e)
{
    struct wire_request r = {.method = "POST", .fields = fields, .body = body};

    w->in_max = MESSAGE_MAX;
    if (http_fields_add(fields, "content-type", BYTES_LIT("application/octet-stream")) < 0)
        return too_large(e);
    return begin(w, &r, path, e);
}

int rest_upload_begin(struct wire *w, const struct buffer *path, struct http_fields *fields, uint64_t size,
                      struct err *e)
{
    struct wire_request r = {
        .method = "POST", .fields = fields, .more = true, .sized = size != UINT64_MAX, .size = size};

    w->in_max = MESSAGE_MAX;
    if (http_fields_add(fields, "content-type", BYTES_LIT("application/octet-stream")) < 0)
        return too_large(e);
    return begin(w, &r, path, e);
}

int rest_download(struct wire *w, const struct buffer *path, struct http_fields *fields, uint64_t from,
                  struct bytes validator, struct err *e)
{
    struct wire_request r = {.method = "GET", .fields = fields};
    char range[40];
    int ret = http_fields_add(fields, "accept-encoding", BYTES_LIT("identity"));

    snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)from);
    if (ret == 0 && from > 0)
        ret = http_fields_add(fields, "range", bytes_of(range));
    if (ret == 0 && from > 0)
        ret = http_fields_add(fields, "if-range", validator);
    w->in_max = MESSAGE_MAX;
    return ret < 0 ? too_large(e) : begin(w, &r, path, e);
}

int rest_head(struct wire *w, const struct buffer *path, struct http_fields *fields, struct err *e)
{
    struct wire_request r = {.method = "HEAD", .fields = fields};

    if (http_fields_add(fields, "accept-encoding", BYTES_LIT("identity")) < 0)
        return too_large(e);
    return begin(w, &r, path, e);
}

/* --- answers --------------------------------------------------------------------------------- */

/* "bytes 5-9/10", RFC 9110 section 14.4. */
int64_t rest_range_start(const struct wire *w)
{
    struct bytes v = http_fields_get(&w->head, "content-range");
    int64_t start = 0;
    size_t i = 6;

    if (v.len < 8 || memcmp(v.ptr, "bytes ", 6) != 0)
        return -1;
    for (; i < v.len && v.ptr[i] >= '0' && v.ptr[i] <= '9'; i++)
        if (__builtin_mul_overflow(start, 10, &start) ||
            __builtin_add_overflow(start, v.ptr[i] - '0', &start))
            return -1;
    return i > 6 && i < v.len && v.ptr[i] == '-' ? start : -1;
}

static enum status status_of(int status)
{
    switch (status) {
    case 401:
        return STATUS_UNAUTHENTICATED;
    case 404:
        return STATUS_NOT_FOUND;
    case 507:
        return STATUS_RESOURCE_EXHAUSTED;
    default:
        return status < 500 ? STATUS_INVALID_ARGUMENT : STATUS_UNKNOWN;
    }
}

/* {"code":404,"message":"..."} */
int rest_error(const struct wire *w, struct answer_error *e)
{
    json_t *j = json_parse(buffer_bytes(&w->in), OBJECT_MEMORY, NULL);
    const char *message = json_string_value(json_object_get(j, "message"));

    e->from_agent = true;
    if (message)
        err_set(&e->err, status_of(w->status), 0, "%s", message);
    else
        err_set(&e->err, status_of(w->status), 0, "%s: unexpected answer: HTTP %d", w->name, w->status);
    json_decref(j);
    return -1;
}
