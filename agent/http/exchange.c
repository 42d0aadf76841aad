#include "http/exchange.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/writer.h"
#include "http/http.h"
#include "http/query.h"

#define STARVED_RETRY_MS 100

/* --- for handlers ---------------------------------------------------------------------------- */

struct bytes http_request_field(const struct http_exchange *x, const char *name)
{
    return http_fields_get(&x->request, name);
}

void http_own(struct http_exchange *x, const struct http_events *events, void *owner)
{
    x->events = events;
    x->owner = owner;
}

void http_add_bytes(struct http_exchange *x, const char *name, struct bytes value)
{
    if (http_fields_add(&x->response, name, value) < 0)
        x->broken = true;
}

void http_add(struct http_exchange *x, const char *name, const char *value)
{
    http_add_bytes(x, name, bytes_of(value));
}

void http_add_trailer(struct http_exchange *x, const char *name, struct bytes value)
{
    if (http_fields_add(&x->trailers, name, value) < 0)
        x->broken = true;
}

/* Out of memory while a response was made: what can be sent is short and needs none. */
static void finish_head(struct http_exchange *x, int status, const char *type)
{
    if (type)
        http_add(x, "Content-Type", type);
    x->status = status;
    if (x->broken) {
        http_fields_clear(&x->response);
        chain_clear(&x->body);
        x->status = 500;
        x->streamed = false;
        x->response_length = 0;
    }
    http_kick(x);
}

void http_reply_chain(struct http_exchange *x, int status, const char *type, struct chain *body)
{
    chain_clear(&x->body);
    x->body = *body;
    *body = (struct chain){0};
    x->response_length = (int64_t)x->body.bytes;
    finish_head(x, status, type);
}

void http_reply(struct http_exchange *x, int status, const char *type, struct bytes body)
{
    struct chain c = {0};

    if (chain_copy(&c, body.ptr, body.len) < 0)
        x->broken = true;
    http_reply_chain(x, status, type, &c);
}

void http_reply_json(struct http_exchange *x, int status, struct chain *body)
{
    http_reply_chain(x, status, "application/json", body);
}

void http_reply_text(struct http_exchange *x, int status, const char *text)
{
    http_reply(x, status, "text/plain; charset=utf-8", bytes_of(text));
}

void http_stream(struct http_exchange *x, int status, const char *type, int64_t length)
{
    x->streamed = true;
    x->response_length = length;
    finish_head(x, status, type);
}

void http_starve(struct http_exchange *x)
{
    struct http *h = x->http;

    if (!x->starved)
        TAILQ_INSERT_TAIL(&h->starved, x, starved_link);
    x->starved = true;
    seg_pool_want(h->net->pool);
    if (!ev_is_active(
            &h->hungry)) /* it may have been the heap's memory, and nobody tells when there is some */
        loop_timer(h->net->loop, &h->hungry, STARVED_RETRY_MS);
}

static void feed(struct http_exchange *x)
{
    if (x->starved)
        TAILQ_REMOVE(&x->http->starved, x, starved_link);
    x->starved = false;
}

void http_memory_free(struct http *h)
{
    struct http_exchange *x;

    while ((x = TAILQ_FIRST(&h->starved))) {
        feed(x);
        http_kick(x);
    }
}

void http_kick(struct http_exchange *x)
{
    if (x->status && !x->ended && !x->over)
        x->wire->kick(x);
}

void http_body_consumed(struct http_exchange *x)
{
    if (!x->body_complete && x->in.bytes < BODY_WINDOW)
        x->wire->resume(x);
}

void http_abort(struct http_exchange *x)
{
    x->over = true;
    x->wire->abort(x);
}

void http_error(struct http_exchange *x, int status, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    struct chain body = {0};
    struct writer w;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    writer_init(&w, &body, NULL, SIZE_MAX);
    writer_printf(&w, "{\"code\":%d,\"message\":", status);
    writer_json_string(&w, bytes_of(text));
    writer_str(&w, "}\n");
    if (writer_done(&w) < 0)
        x->broken = true;
    http_add(x, "X-Content-Type-Options", "nosniff");
    http_reply_chain(x, status, "application/json; charset=utf-8", &body);
}

char *http_query_bytes(const struct http_exchange *x, const char *name, size_t *len, bool *present)
{
    struct bytes rest = x->query, key, value;

    *present = false;
    while (query_next(&rest, &key, &value)) {
        CLEANUP_FREE char *text = NULL;
        ptrdiff_t n;

        if (!bytes_are(key, name))
            continue;
        *present = true;
        text = malloc(value.len + 1);
        n = text ? query_unescape(value, text) : -1;
        *len = n >= 0 ? (size_t)n : 0;
        return n >= 0 ? TAKE(text) : NULL;
    }
    return NULL;
}

char *http_query(const struct http_exchange *x, const char *name, bool *present)
{
    size_t len;
    CLEANUP_FREE char *text = http_query_bytes(x, name, &len, present);

    return text && strlen(text) == len ? TAKE(text) : NULL;
}

int http_status_of(enum status status)
{
    static const int http[] = {
        [STATUS_OK] = 200,
        [STATUS_CANCELED] = 499,
        [STATUS_UNKNOWN] = 500,
        [STATUS_INVALID_ARGUMENT] = 400,
        [STATUS_DEADLINE_EXCEEDED] = 504,
        [STATUS_NOT_FOUND] = 404,
        [STATUS_ALREADY_EXISTS] = 409,
        [STATUS_PERMISSION_DENIED] = 403,
        [STATUS_RESOURCE_EXHAUSTED] = 429,
        [STATUS_FAILED_PRECONDITION] = 400,
        [STATUS_ABORTED] = 409,
        [STATUS_OUT_OF_RANGE] = 400,
        [STATUS_UNIMPLEMENTED] = 501,
        [STATUS_INTERNAL] = 500,
        [STATUS_UNAVAILABLE] = 503,
        [STATUS_DATA_LOSS] = 500,
        [STATUS_UNAUTHENTICATED] = 401,
    };

    return (size_t)status < ARRAY_LEN(http) ? http[status] : 500;
}

/* --- for wires ------------------------------------------------------------------------------- */

struct http_exchange *http_exchange_new(struct http *http, struct conn *c, const struct http_wire *wire,
                                        void *state)
{
    struct http_exchange *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->http = http;
    x->conn = c;
    x->wire = wire;
    x->wire_state = state;
    return x;
}

int http_exchange_target(struct http_exchange *x, const char *method, struct bytes target)
{
    const char *question;

    snprintf(x->method, sizeof x->method, "%s", method);
    x->head_only = strcmp(method, "HEAD") == 0;
    x->target = malloc(target.len + 1);
    if (!x->target)
        return -1;
    memcpy(x->target, target.ptr, target.len);
    x->target[target.len] = 0;
    /* The absolute form (RFC 9112 section 3.2.2) names the same resource. */
    target.ptr = x->target;
    if (target.len > 7 && strncasecmp(target.ptr, "http://", 7) == 0) {
        const char *slash = strchr(target.ptr + 7, '/');

        target.ptr = slash ? slash : "/";
    }
    question = strchr(target.ptr, '?');
    x->path = (struct bytes){target.ptr, question ? (size_t)(question - target.ptr) : strlen(target.ptr)};
    x->query = question ? bytes_of(question + 1) : (struct bytes){"", 0};
    return 0;
}

void http_deny(struct http_exchange *x, const struct err *e)
{
    struct chain body = {0};
    struct writer w;

    if (x->route.deny) {
        x->route.deny(x, e);
        return;
    }
    writer_init(&w, &body, NULL, SIZE_MAX);
    writer_printf(&w, "{\"code\":\"%s\",\"message\":", status_name(e->status));
    writer_json_string(&w, bytes_of(e->text));
    writer_str(&w, "}");
    if (writer_done(&w) < 0)
        x->broken = true;
    http_reply_chain(x, http_status_of(e->status), "application/json", &body);
}

/* It may be served: to the handler, or to the answer that there is none. */
static void route(struct http_exchange *x)
{
    char allowed[HTTP_ALLOWED_MAX];

    if (!x->route.begin && !http_route_find(x->http, x->method, x->path, &x->route, allowed)) {
        if (allowed[0]) {
            http_add(x, "Allow", allowed);
            http_reply(x, 405, NULL, (struct bytes){NULL, 0});
        } else {
            http_add(x, "X-Content-Type-Options", "nosniff");
            http_reply(x, 404, "text/plain; charset=utf-8", BYTES_LIT("404 page not found\n"));
        }
        return;
    }
    if (x->conn->control_only && !(x->route.flags & HTTP_CONTROL)) {
        http_add(x, "Connection", "close");
        http_error(x, 503, "too many connections: the last %d are for control calls", CONNECTIONS_CONTROL);
        return;
    }
    x->route.begin(x);
    if (x->events && x->status == 0 && x->expects_continue && !x->body_complete && !x->body_declined)
        x->wire->want_body(x);
}

/* Delivers what had arrived before there was anyone to take it. */
static void deliver(struct http_exchange *x)
{
    if (x->waiting)
        return;
    if (!x->events || x->over || x->ended || (x->status && !x->streamed)) {
        chain_clear(&x->in);
        http_body_consumed(x);
        return;
    }
    if (x->in.bytes > 0 && x->events->body)
        x->events->body(x);
    if (x->body_complete && !x->body_told && !x->over && x->events->body_end) {
        x->body_told = true;
        x->events->body_end(x);
    }
}

void http_begin(struct http_exchange *x)
{
    char allowed[HTTP_ALLOWED_MAX];

    x->http->requests++;
    if (http_cors(x))
        return;
    (void)http_route_find(x->http, x->method, x->path, &x->route, allowed);
    switch (x->http->authorize ? x->http->authorize(x) : HTTP_ALLOW) {
    case HTTP_ALLOW:
        route(x);
        return;
    case HTTP_DENY:
    case HTTP_PENDING:
        return;
    }
}

void http_authorized(struct http *h, ticket waiting, const struct err *denied)
{
    struct http_exchange *x = ticket_find(&h->waiting, waiting);

    if (!x)
        return;
    ticket_drop(&h->waiting, waiting);
    x->waiting = 0;
    if (denied)
        http_deny(x, denied);
    else
        route(x);
    deliver(x);
}

void http_body_arrived(struct http_exchange *x, bool end)
{
    x->body_complete |= end;
    deliver(x);
}

void http_cancel(struct http_exchange *x, enum close_reason why)
{
    if (x->over || x->ended)
        return;
    x->over = true;
    if (x->events && x->events->cancel)
        x->events->cancel(x, why);
}

void http_exchange_free(struct http_exchange *x)
{
    ticket_drop(&x->http->waiting, x->waiting);
    feed(x);
    if (x->events && x->events->destroy)
        x->events->destroy(x);
    http_fields_clear(&x->request);
    http_fields_clear(&x->response);
    http_fields_clear(&x->trailers);
    chain_clear(&x->in);
    chain_clear(&x->body);
    free(x->target);
    free(x->user);
    free(x);
}
