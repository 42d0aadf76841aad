#include "rpc/call.h"

#include <malloc.h>

#include "core/limits.h"
#include "core/writer.h"

/* What a call failed with, when there is no memory to keep that. */
static const struct err no_memory = {.status = STATUS_RESOURCE_EXHAUSTED, .text = "out of memory"};

/* --- the response ---------------------------------------------------------------------------- */

static void begin(struct rpc_call *call)
{
    if (call->begun)
        return;
    call->begun = true;
    if (call->protocol->finish) /* it answers in one piece */
        return;
    if (call->gzip_out)
        http_add(call->x, call->protocol->encoding, "gzip");
    http_stream(call->x, 200, call->type, -1);
}

/* A message waits in call->out. */
static void sent(struct rpc_call *call)
{
    call->sent_at = ev_now(call->rpc->loop->ev);
    rpc_kick(call);
}

void rpc_send(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct err e;

    if (call->finished)
        return;
    if (call->out.bytes > SEND_WAITING_MAX && call->method->kind != RPC_UNARY) {
        err_set(&e, STATUS_RESOURCE_EXHAUSTED, 0, "the client does not read its events");
        rpc_finish(call, &e);
        return;
    }
    if (message_encode(call, m, NULL, &call->out, &e) < 0)
        rpc_finish(call, &e);
    else
        sent(call);
}

void rpc_starve(struct rpc_call *call)
{
    http_starve(call->x);
}

int rpc_emit(struct rpc_call *call, const ProtobufCMessage *m, const struct chain *bulk)
{
    struct err e;

    if (message_encode(call, m, bulk, call->frame, &e) < 0) {
        if (e.status == STATUS_RESOURCE_EXHAUSTED)
            rpc_starve(call);
        else /* it has no JSON, and never will */
            rpc_finish(call, &e);
        return -1;
    }
    call->emitted = true;
    call->sent_at = ev_now(call->rpc->loop->ev);
    return 0;
}

void rpc_kick(struct rpc_call *call)
{
    begin(call);
    http_kick(call->x);
}

static void stop_timers(struct rpc_call *call)
{
    ev_timer_stop(call->rpc->loop->ev, &call->deadline);
    ev_timer_stop(call->rpc->loop->ev, &call->keepalive);
}

void rpc_finish(struct rpc_call *call, const struct err *e)
{
    if (call->finished)
        return;
    call->finished = true;
    stop_timers(call);
    if (e) {
        struct err *copy = malloc(sizeof *e);

        if (copy)
            *copy = *e;
        call->error = copy ? copy : &no_memory;
    }
    if (call->protocol->finish) {
        call->protocol->finish(call);
        return;
    }
    begin(call);
    http_kick(call->x);
}

void rpc_reply(struct rpc_call *call, const ProtobufCMessage *m)
{
    rpc_send(call, m);
    rpc_finish(call, NULL);
}

void rpc_reply_encoded(struct rpc_call *call, struct chain *encoded)
{
    struct err e;

    if (call->finished)
        return;
    if (message_append(call, encoded, &call->out, &e) < 0) {
        rpc_finish(call, &e);
        return;
    }
    sent(call);
    rpc_finish(call, NULL);
}

size_t rpc_detail_room(const struct rpc_call *call)
{
    size_t room = call->protocol->details_max;
    const struct rpc_detail *d;

    STAILQ_FOREACH (d, &call->details, link)
        room -= d->len;
    return room;
}

void rpc_add_detail_packed(struct rpc_call *call, const char *type, struct bytes message)
{
    size_t name = strlen(type) + 1;
    struct rpc_detail *d =
        message.len <= rpc_detail_room(call) ? malloc(sizeof *d + name + message.len) : NULL;
    uint8_t *bytes;

    if (!d)
        return; /* the error itself is what counts */
    memcpy(d->type, type, name);
    bytes = (uint8_t *)d->type + name;
    if (message.len > 0)
        memcpy(bytes, message.ptr, message.len);
    d->bytes = bytes;
    d->len = message.len;
    STAILQ_INSERT_TAIL(&call->details, d, link);
}

void rpc_add_detail(struct rpc_call *call, const ProtobufCMessage *m)
{
    size_t len = protobuf_c_message_get_packed_size(m);
    CLEANUP_FREE uint8_t *packed = malloc(len + 1);

    if (packed)
        rpc_add_detail_packed(call, m->descriptor->name,
                              (struct bytes){(const char *)packed, protobuf_c_message_pack(m, packed)});
}

void rpc_add_header(struct rpc_call *call, const char *name, struct bytes value)
{
    http_add_bytes(call->x, name, value);
}

void rpc_add_trailer(struct rpc_call *call, const char *name, struct bytes value)
{
    if (http_fields_add(&call->trailers, name, value) < 0)
        call->x->broken = true;
}

bool rpc_frame_begins(const struct rpc_call *call)
{
    return !call->emitted;
}

/* The connection takes more: events first, then what the method produces, then the end. The frame on its way to a
 * client that does not read stays in memory, so it is the smaller the less of that is free. */
static enum http_produced produce(struct rpc_call *call, struct chain *out, size_t max)
{
    if (call->out.bytes > 0 && chain_move(out, &call->out, call->out.bytes) < 0) {
        rpc_starve(call);
        return HTTP_WAIT;
    }
    if (call->full) {
        call->full = false;
        rpc_resume(call);
    }
    max = MIN(max, seg_pool_portion(call->rpc->pool, FRAME_MAX));
    call->emitted = false;
    while (!call->finished && call->method->produce && out->bytes < max) {
        enum rpc_produced what;

        call->frame = out;
        what = call->method->produce(call, max - out->bytes);
        call->frame = NULL;
        if (call->out.bytes > 0 && chain_move(out, &call->out, call->out.bytes) < 0) {
            rpc_starve(call);
            return HTTP_WAIT;
        }
        if (what == RPC_WAIT)
            break;
    }
    if (!call->finished)
        return out->bytes > 0 ? HTTP_MORE : HTTP_WAIT;
    /* No memory for the end: an unfinished body says that it is not whole. */
    if (call->protocol->end(call, out) < 0 || call->x->broken)
        http_abort(call->x);
    return HTTP_END;
}

/* The same for a body that travels as base64; each piece has its own padding. */
static enum http_produced produce_text(struct rpc_call *call, struct chain *out, size_t max)
{
    enum http_produced what = call->ended ? HTTP_END : produce(call, &call->plain, max / 4 * 3);
    struct chain text = {0};
    struct writer w;

    call->ended = what == HTTP_END;
    writer_init(&w, &text, NULL, SIZE_MAX);
    writer_base64(&w, &call->plain);
    if (writer_done(&w) < 0 || chain_move(out, &text, text.bytes) < 0) {
        chain_clear(&text);
        rpc_starve(call);
        return HTTP_WAIT;
    }
    chain_clear(&call->plain);
    return what;
}

static enum http_produced on_produce(struct http_exchange *x, struct chain *out, size_t max)
{
    struct rpc_call *call = x->owner;

    return call->protocol->text ? produce_text(call, out, max) : produce(call, out, max);
}

/* --- the request ----------------------------------------------------------------------------- */

static bool is_secret(const struct rpc_call *call)
{
    return call->method->flags & RPC_SECRET;
}

/* Frees what a message came in and was decoded to. */
static void forget_message(struct rpc_call *call)
{
    arena_clear(&call->arena);
    if (call->message && is_secret(call))
        explicit_bzero(call->message, malloc_usable_size(call->message));
    free(TAKE(call->message));
    chain_clear(&call->bulk);
    call->lift.levels = 0;
}

/* Gives one message to the method. */
static void deliver(struct rpc_call *call, struct bytes in)
{
    struct err e;
    ProtobufCMessage *m;

    m = codec_decode(call->codec, call->method->input, in, &call->arena, &e);
    if (m) {
        proto_lift_place(&call->lift, m);
        call->held = call->method->message(call, m) == RPC_HOLD && !call->finished;
    } else {
        rpc_finish(call, &e);
    }
    forget_message(call);
    if (call->held)
        return; /* it stays where it is, and comes again */
    chain_drop(&call->in, call->taken);
    call->messages++;
}

/* Gives the method what call->in holds, as long as it wants it. Methods with a single request get it when the
 * request is complete, so that a second message is refused before anything has happened. */
static void pump_messages(struct rpc_call *call)
{
    bool single = call->method->kind == RPC_UNARY || call->method->kind == RPC_SERVER_STREAM;

    if (call->delivering)
        return;
    if (single && !call->half_closed) {
        struct err e;

        if (!call->finished && message_check(call, &e) < 0)
            rpc_finish(call, &e);
        return;
    }
    call->delivering = true;
    while (!call->finished && !call->held) {
        struct bytes message;
        struct err e;
        int got;

        if (!single && call->out.bytes >= SEND_WAITING_MAX / 2) { /* it asks, and does not read the answers */
            call->held = call->full = true;
            break;
        }
        got = message_next(call, &message, &e);

        if (got > 0 && single && call->taken < call->in.bytes) {
            got = err_set(&e, STATUS_UNIMPLEMENTED, 0, "unary request has multiple messages");
            forget_message(call);
        }
        if (got == 0 && call->half_closed && call->in.bytes > 0)
            got =
                err_set(&e, STATUS_INVALID_ARGUMENT, 0, "protocol error: the request ends inside a message");
        if (got == 0 && call->half_closed && single && call->messages == 0)
            got = err_set(&e, STATUS_UNIMPLEMENTED, 0, "unary request has zero messages");
        if (got < 0) {
            rpc_finish(call, &e);
        } else if (got > 0) {
            deliver(call, message);
            if (single && !call->held)
                break;
        } else {
            if (call->half_closed && call->method->half_close)
                call->method->half_close(call);
            break;
        }
    }
    call->delivering = false;
}

/* Takes over what the exchange has; while the method holds, it stays there and stops the reading. */
static void take_in(struct rpc_call *call)
{
    struct http_exchange *x = call->x;
    struct err e;

    if (is_secret(call))
        chain_wipe_later(&x->in);
    if (call->finished) {
        chain_clear(&x->in);
    } else if (call->held) {
        return;
    } else if (message_receive(call, &x->in, x->body_complete, &e) < 0) {
        rpc_finish(call, &e);
        chain_clear(&x->in);
    }
    if (is_secret(call)) /* what was decoded from text */
        chain_wipe_later(&call->in);
    call->half_closed = x->body_complete && x->in.bytes == 0;
    http_body_consumed(x);
    pump_messages(call);
}

static void on_body(struct http_exchange *x)
{
    take_in(x->owner);
}

void rpc_resume(struct rpc_call *call)
{
    if (!call->held)
        return;
    call->held = false;
    if (!call->delivering) /* else the loop that is under way goes on */
        loop_defer(call->rpc->loop, &call->resume);
}

static void on_resume(struct task *t)
{
    take_in(CONTAINER_OF(t, struct rpc_call, resume));
}

/* --- ends ------------------------------------------------------------------------------------ */

static void cancel(struct rpc_call *call, enum close_reason why)
{
    if (call->finished)
        return;
    stop_timers(call);
    if (call->method->cancel)
        call->method->cancel(call, why);
}

static void on_cancel(struct http_exchange *x, enum close_reason why)
{
    struct rpc_call *call = x->owner;

    cancel(call, why);
    call->finished = true;
}

static void on_shutdown(struct http_exchange *x)
{
    struct rpc_call *call = x->owner;
    struct err e;

    if (call->method->kind == RPC_UNARY && !call->method->cancel) /* it will be answered soon */
        return;
    cancel(call, CLOSE_SHUTDOWN);
    err_set(&e, STATUS_CANCELED, 0, "agent is shutting down");
    rpc_finish(call, &e);
}

static void on_deadline(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct rpc_call *call = w->data;
    struct err e;

    (void)ev;
    (void)revents;
    cancel(call, CLOSE_DEADLINE);
    err_set(&e, STATUS_DEADLINE_EXCEEDED, 0, "context deadline exceeded");
    rpc_finish(call, &e);
}

static void on_keepalive(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct rpc_call *call = w->data;
    ev_tstamp due = call->sent_at + call->keepalive_s;

    (void)revents;
    if (due <= ev_now(ev) + 0.001) {
        /* Only when nothing of it waits: a client that does not read needs no more to read. What the connection has
         * may be another stream's. */
        if (call->out.bytes == 0)
            rpc_send(call, call->keepalive_message);
        call->sent_at = ev_now(ev);
        due = call->sent_at + call->keepalive_s;
    }
    if (!call->finished)
        loop_timer(call->rpc->loop, w, (uint64_t)((due - ev_now(ev)) * 1000.) + 1);
}

unsigned rpc_keepalive_wish(const struct rpc_call *call)
{
    struct bytes v = rpc_header(call, "keepalive-ping-interval");
    unsigned seconds = 0;

    for (size_t i = 0; i < v.len && i < 8; i++)
        seconds = v.ptr[i] >= '0' && v.ptr[i] <= '9' ? seconds * 10 + (unsigned)(v.ptr[i] - '0')
                                                     : KEEPALIVE_MAX_S + 1;
    return v.len == 0 || v.len > 7 || seconds == 0 || seconds > KEEPALIVE_MAX_S ? KEEPALIVE_DEFAULT_S
                                                                                : seconds;
}

void rpc_keepalive(struct rpc_call *call, unsigned seconds, const ProtobufCMessage *m)
{
    call->keepalive_s = seconds;
    call->keepalive_message = m;
    call->sent_at = ev_now(call->rpc->loop->ev);
    if (seconds > 0 && !call->finished)
        loop_timer(call->rpc->loop, &call->keepalive, (uint64_t)seconds * 1000);
}

static void on_destroy(struct http_exchange *x)
{
    struct rpc_call *call = x->owner;
    struct rpc_detail *d;

    stop_timers(call);
    loop_cancel(call->rpc->loop, &call->resume);
    if (call->destroy)
        call->destroy(call->state);
    while ((d = STAILQ_FIRST(&call->details))) {
        STAILQ_REMOVE_HEAD(&call->details, link);
        free(d);
    }
    http_fields_clear(&call->trailers);
    chain_clear(&call->in);
    chain_clear(&call->out);
    chain_clear(&call->plain);
    forget_message(call);
    if (call->error != &no_memory)
        free((struct err *)(uintptr_t)call->error);
    call->rpc->calls--;
    free(call);
}

/* --- life ------------------------------------------------------------------------------------ */

static const struct http_events events = {
    .body = on_body,
    .body_end = on_body,
    .produce = on_produce,
    .cancel = on_cancel,
    .shutdown = on_shutdown,
    .destroy = on_destroy,
};

struct rpc_call *call_new(struct rpc *r, struct http_exchange *x, const struct rpc_service *service,
                          const struct rpc_method *method, const struct rpc_protocol *protocol,
                          enum codec codec, struct err *e)
{
    struct rpc_call *call;

    if (r->calls >= CALLS_MAX) {
        err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%d calls are in progress already", CALLS_MAX);
        return NULL;
    }
    call = calloc(1, sizeof *call);
    if (!call) {
        err_nomem(e, "accept the call");
        return NULL;
    }
    call->rpc = r;
    call->x = x;
    call->service = service;
    call->method = method;
    call->protocol = protocol;
    call->codec = codec;
    call->type = protocol->types[codec];
    call->resume.run = on_resume;
    call->arena.secret = x->conn->secret = x->conn->secret || is_secret(call);
    STAILQ_INIT(&call->details);
    ev_init(&call->deadline, on_deadline);
    ev_init(&call->keepalive, on_keepalive);
    call->deadline.data = call->keepalive.data = call;
    r->calls++;
    http_own(x, &events, call);
    return call;
}

void call_start(struct rpc_call *call)
{
    if (call->timeout_ms && !(call->method->flags & RPC_OWN_DEADLINE))
        loop_timer(call->rpc->loop, &call->deadline, call->timeout_ms);
}

/* --- for methods ----------------------------------------------------------------------------- */

void *rpc_context(const struct rpc_call *call)
{
    return call->service->context;
}

bool rpc_shutting_down(const struct rpc_call *call)
{
    return call->rpc->http->net->shutting_down;
}

void rpc_set_state(struct rpc_call *call, void *state, void (*destroy)(void *state))
{
    call->state = state;
    call->destroy = destroy;
}

void *rpc_state(const struct rpc_call *call)
{
    return call->state;
}

struct chain *rpc_bulk(struct rpc_call *call)
{
    return &call->bulk;
}

struct bytes rpc_header(const struct rpc_call *call, const char *name)
{
    return http_request_field(call->x, name);
}

const struct http_fields *rpc_headers(const struct rpc_call *call)
{
    return &call->x->request;
}

struct bytes rpc_query(const struct rpc_call *call)
{
    return strcmp(call->x->method, "GET") == 0 ? call->x->query : (struct bytes){"", 0};
}

const char *rpc_user(const struct rpc_call *call)
{
    return call->x->user;
}

bool rpc_legacy_client(const struct rpc_call *call)
{
    return connect_legacy(call->x);
}

uint64_t rpc_timeout_ms(const struct rpc_call *call)
{
    return call->timeout_ms;
}
