#include "ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "rpc/codec/json.h"
#include "rpc/envelope.h"

#define ANSWER_MEMORY (1 * MIB) /* for an error object */

/* --- parsing the response -------------------------------------------------------------------- */

static int on_field(llhttp_t *p, const char *s, size_t n)
{
    struct client *c = p->data;
    size_t len = strlen(c->field);

    if (len + n < sizeof c->field)
        for (size_t i = 0; i < n; i++)
            c->field[len + i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 'a' - 'A' : s[i]);
    return 0;
}

static int on_value(llhttp_t *p, const char *s, size_t n)
{
    struct client *c = p->data;
    char *to = strcmp(c->field, "content-type") == 0  ? c->type
               : strcmp(c->field, "accept-post") == 0 ? c->accept_post
                                                      : NULL;
    size_t size = to == c->type ? sizeof c->type : sizeof c->accept_post, len = to ? strlen(to) : 0;

    if (to) /* a list that is cut still begins with what it prefers */
        memcpy(to + len, s, MIN(n, size - 1 - len));
    return 0;
}

static int on_value_complete(llhttp_t *p)
{
    struct client *c = p->data;

    memset(c->field, 0, sizeof c->field);
    return 0;
}

static int on_headers_complete(llhttp_t *p)
{
    struct client *c = p->data;

    c->status = p->status_code;
    return 0;
}

static int on_body(llhttp_t *p, const char *s, size_t n)
{
    struct client *c = p->data;

    if (c->body_len + n > c->body_cap) {
        size_t cap = MAX(c->body_cap * 2, c->body_len + n);
        uint8_t *body = cap <= 2 * (size_t)MESSAGE_MAX ? realloc(c->body, cap) : NULL;

        if (!body)
            return HPE_USER;
        c->body = body;
        c->body_cap = cap;
    }
    memcpy(c->body + c->body_len, s, n);
    c->body_len += n;
    return 0;
}

static int on_complete(llhttp_t *p)
{
    struct client *c = p->data;

    c->complete = c->status >= 200; /* 100 Continue is followed by the answer */
    return 0;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

/* --- the connection -------------------------------------------------------------------------- */

int client_open(struct client *c, const struct ctl *ctl, struct err *e)
{
    *c = (struct client){.ctl = ctl, .fd = -1};
    llhttp_init(&c->parser, HTTP_RESPONSE, &settings);
    c->parser.data = c;
    c->fd = target_dial(&ctl->target, e);
    return c->fd < 0 ? -1 : 0;
}

void client_close(struct client *c)
{
    fd_close(&c->fd);
    free(c->body);
    c->body = NULL;
}

static int lost(struct client *c, int errnum, struct err *e)
{
    c->broken = true;
    if (errnum == ECONNRESET || errnum == EPIPE || errnum == 0)
        return err_set(e, STATUS_UNAVAILABLE, 0,
                       "%s: the connection was closed; the agent or its guest has ended",
                       c->ctl->target.text);
    return err_set(e, STATUS_UNAVAILABLE, errnum, "%s", c->ctl->target.text);
}

static int send_all(struct client *c, const void *data, size_t len, struct err *e)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = RETRY_EINTR(send(c->fd, at, len, MSG_NOSIGNAL));

        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = c->fd, .events = POLLOUT};

            poll(&p, 1, -1);
            continue;
        }
        if (n < 0)
            return lost(c, errno, e);
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int client_send(struct client *c, const char *method, const char *path, const char *headers, const void *body,
                size_t len, struct err *e)
{
    char *head = NULL;
    int n = asprintf(
        &head,
        "%s %s HTTP/1.1\r\nHost: guestd\r\nUser-Agent: guestctl/%s\r\n%s%s%s%sContent-Length: %zu\r\n\r\n",
        method, path, GUESTD_VERSION, c->ctl->token ? "X-Access-Token: " : "",
        c->ctl->token ? c->ctl->token : "", c->ctl->token ? "\r\n" : "", headers, len);
    int ret;

    if (n < 0)
        return err_nomem(e, "send a request");
    c->status = 0;
    c->complete = false;
    c->body_len = 0;
    memset(c->type, 0, sizeof c->type);
    memset(c->accept_post, 0, sizeof c->accept_post);
    ret = send_all(c, head, (size_t)n, e);
    if (ret == 0 && len > 0)
        ret = send_all(c, body, len, e);
    explicit_bzero(head, (size_t)n); /* it may hold the token */
    free(head);
    return ret;
}

int client_read(struct client *c, struct err *e)
{
    static char buf[FRAME_MAX];
    llhttp_errno_t parsed;
    ssize_t n;

    if (c->complete)
        return 1;
    while ((n = RETRY_EINTR(recv(c->fd, buf, sizeof buf, 0))) < 0 && errno == EAGAIN) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};

        poll(&p, 1, -1);
    }
    if (n <= 0)
        return lost(c, n < 0 ? errno : 0, e);
    parsed = llhttp_execute(&c->parser, buf, (size_t)n);
    if (parsed != HPE_OK) {
        c->broken = true;
        if (parsed == HPE_USER)
            return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%s: the answer is too large",
                           c->ctl->target.text);
        return err_set(e, STATUS_UNKNOWN, 0, "%s: not an agent: it does not answer in HTTP",
                       c->ctl->target.text);
    }
    return c->complete;
}

void client_take(struct client *c, size_t n)
{
    memmove(c->body, c->body + n, c->body_len - n);
    c->body_len -= n;
}

/* --- answers --------------------------------------------------------------------------------- */

static bool is_type(const struct client *c, const char *type)
{
    size_t n = strlen(type);

    return strncasecmp(c->type, type, n) == 0 && (c->type[n] == 0 || c->type[n] == ';' || c->type[n] == ' ');
}

/* Connect's error object, or REST's, or none. */
static void read_error(const struct client *c, struct bytes text, struct answer_error *e)
{
    json_t *j = json_parse(text, ANSWER_MEMORY, NULL);
    json_t *code = json_object_get(j, "code");
    const char *message = json_string_value(json_object_get(j, "message"));

    e->from_agent = true;
    if (json_is_string(code))
        err_set(&e->err, status_from_name(bytes_of(json_string_value(code))), 0, "%s",
                message ? message : json_string_value(code));
    else if (c->status == 401)
        err_set(&e->err, STATUS_UNAUTHENTICATED, 0, "%s: %s", c->ctl->target.text,
                c->ctl->token ? "the token is wrong"
                              : "the agent wants a token (GUESTD_TOKEN, --token-file)");
    else if (c->status == 404)
        err_set(&e->err, STATUS_UNIMPLEMENTED, 0,
                "%s: not an agent, or one that does not know this call (404)", c->ctl->target.text);
    else
        err_set(&e->err, STATUS_UNKNOWN, 0, "%s: unexpected answer: HTTP %d%s%s", c->ctl->target.text,
                c->status, message ? ": " : "", message ? message : "");
    json_decref(j);
}

static int send_message(struct client *c, const char *method, const char *type, const char *headers,
                        bool enveloped, const ProtobufCMessage *m, struct err *e)
{
    size_t len = protobuf_c_message_get_packed_size(m), skip = enveloped ? ENVELOPE_SIZE : 0;
    CLEANUP_FREE uint8_t *body = malloc(skip + len + 1);
    CLEANUP_FREE char *lines = NULL;
    char path[128];

    if (!body || asprintf(&lines, "Content-Type: %s\r\nConnect-Protocol-Version: 1\r\n%s", type, headers) < 0)
        return err_nomem(e, "send a request");
    protobuf_c_message_pack(m, body + skip);
    if (enveloped)
        envelope_encode(0, (uint32_t)len, body);
    snprintf(path, sizeof path, "/%s", method);
    return client_send(c, "POST", path, lines, body, skip + len, e);
}

int client_call_send(struct client *c, const char *method, const char *headers, const ProtobufCMessage *m,
                     struct err *e)
{
    return send_message(c, method, "application/proto", headers, false, m, e);
}

int client_call_result(struct client *c, const ProtobufCMessageDescriptor *d, struct arena *a,
                       ProtobufCMessage **out, struct answer_error *e)
{
    struct bytes body = {(const char *)c->body, c->body_len};

    if (c->status != 200 || !is_type(c, "application/proto")) {
        read_error(c, body, e);
        return -1;
    }
    e->from_agent = false;
    *out = codec_decode(CODEC_PROTO, d, body, a, &e->err);
    return *out ? 0 : -1;
}

static int read_to_end(struct client *c, struct answer_error *e)
{
    int ret;

    e->from_agent = false;
    while ((ret = client_read(c, &e->err)) == 0)
        ;
    return ret < 0 ? -1 : 0;
}

int client_call(struct client *c, const char *method, const ProtobufCMessage *m,
                const ProtobufCMessageDescriptor *d, struct arena *a, ProtobufCMessage **out,
                struct answer_error *e)
{
    e->from_agent = false;
    if (client_call_send(c, method, "", m, &e->err) < 0 || read_to_end(c, e) < 0)
        return -1;
    return client_call_result(c, d, a, out, e);
}

int client_call_json(struct client *c, const char *method, const char *json, struct bytes *out,
                     struct answer_error *e)
{
    char path[256];

    e->from_agent = false;
    snprintf(path, sizeof path, "/%s", method);
    if (client_send(c, "POST", path, "Content-Type: application/json\r\nConnect-Protocol-Version: 1\r\n",
                    json, strlen(json), &e->err) < 0 ||
        read_to_end(c, e) < 0)
        return -1;
    *out = (struct bytes){(const char *)c->body, c->body_len};
    if (c->status != 200 || !is_type(c, "application/json")) {
        read_error(c, *out, e);
        return -1;
    }
    return 0;
}

int client_stream_send(struct client *c, const char *method, const char *headers, const ProtobufCMessage *m,
                       struct err *e)
{
    return send_message(c, method, "application/connect+proto", headers, true, m, e);
}

/* The end of a stream: in order, or with the error that it carries. */
static int stream_end(const struct client *c, struct bytes text, struct answer_error *e)
{
    json_t *j = json_parse(text, ANSWER_MEMORY, NULL);
    json_t *error = json_object_get(j, "error");
    char *inner;

    if (!error) {
        json_decref(j);
        return 2;
    }
    inner = json_text(error);
    read_error(c, bytes_of(inner), e);
    free(inner);
    json_decref(j);
    return -1;
}

int client_stream_next(struct client *c, struct bytes *message, struct answer_error *e)
{
    struct envelope v;

    e->from_agent = false;
    if (c->taken > 0) {
        client_take(c, c->taken);
        c->taken = 0;
    }
    if (c->status == 0)
        return 0;
    if (c->status != 200 ||
        (!is_type(c, "application/connect+proto") && !is_type(c, "application/connect+json"))) {
        if (!c->complete)
            return 0;
        read_error(c, (struct bytes){(const char *)c->body, c->body_len}, e);
        return -1;
    }
    if (envelope_decode(c->body, c->body_len, &v) == 0 || c->body_len - ENVELOPE_SIZE < v.len) {
        if (c->complete)
            return err_set(&e->err, STATUS_UNAVAILABLE, 0, "%s: the stream ended without an end",
                           c->ctl->target.text);
        return 0;
    }
    *message = (struct bytes){(const char *)c->body + ENVELOPE_SIZE, v.len};
    if (v.flags & ENVELOPE_END_STREAM)
        return stream_end(c, *message, e);
    c->taken = ENVELOPE_SIZE + v.len;
    return 1;
}

int client_fail(const struct answer_error *e)
{
    return ctl_fail(e->from_agent ? CTL_REFUSED : CTL_FAILED, &e->err);
}
