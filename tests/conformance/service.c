#include "service.h"

#define DECODED_MAX ((size_t)64 << 20)

/* --- conversations ---------------------------------------------------------------------------- */

static void *allocate(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void forget(void *arena, void *p)
{
    (void)arena;
    (void)p; /* with all of the arena */
}

static void end_conversation(void *state)
{
    struct conversation *c = state;

    ev_timer_stop(((struct loop *)c->delay.data)->ev, &c->delay);
    arena_clear(&c->memory);
    free(c->requests);
    free(c);
}

static void on_delay(struct ev_loop *ev, ev_timer *w, int revents);

/* The call's conversation; there is one from the first callback on. */
static struct conversation *conversation_of(struct rpc_call *call, const ProtobufCMessageDescriptor *output)
{
    struct conversation *c = rpc_state(call);

    if (c)
        return c;
    c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->call = call;
    c->memory.max = DECODED_MAX;
    c->output = output;
    ev_init(&c->delay, on_delay);
    c->delay.data = rpc_context(call);
    rpc_set_state(call, c, end_conversation);
    return c;
}

/* Remembers a request. Returns it, as it stays, if it is the first. */
static const ProtobufCMessage *note(struct conversation *c, const ProtobufCMessage *m)
{
    ProtobufCAllocator allocator = {allocate, forget, &c->memory};
    Any *any = answer_pack(c, m);
    ProtobufCMessage *first;

    if (c->count == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 8;
        c->requests = realloc(c->requests, c->cap * sizeof *c->requests);
        if (!c->requests)
            abort();
    }
    c->requests[c->count++] = any;
    if (c->begun)
        return NULL;
    c->begun = true;
    first = protobuf_c_message_unpack(m->descriptor, &allocator, any->value.len, any->value.data);
    if (!first)
        abort();
    return first;
}

static void on_cancel(struct rpc_call *call, enum close_reason why)
{
    struct conversation *c = rpc_state(call);

    (void)why;
    if (c)
        ev_timer_stop(((struct loop *)c->delay.data)->ev, &c->delay);
}

/* Waits where the definition wants a delay before this answer. Returns whether the wait goes on. */
static bool delayed(struct conversation *c, uint32_t ms)
{
    if (ms == 0 || c->slept)
        return false;
    if (!ev_is_active(&c->delay))
        loop_timer(c->delay.data, &c->delay, ms);
    return true;
}

/* --- one answer ------------------------------------------------------------------------------- */

static void answer_unary(struct conversation *c)
{
    const UnaryDefinition *d = c->unary;
    ProtobufCBinaryData data = {0};

    if (d && delayed(c, d->response_delay_ms))
        return;
    if (d)
        answer_metadata(c, d->response_headers, d->n_response_headers, d->response_trailers,
                        d->n_response_trailers);
    if (d && d->response_case == CASE(UNARY_RESPONSE_DEFINITION__RESPONSE_ERROR)) {
        answer_error(c, d->error);
        return;
    }
    if (d && d->response_case == CASE(UNARY_RESPONSE_DEFINITION__RESPONSE_RESPONSE_DATA))
        data = d->response_data;
    rpc_reply(c->call, answer_message(c, data));
}

/* The definition of UnaryRequest, and of those that look like it. */
static void define_unary(struct conversation *c, const ProtobufCMessage *first)
{
    if (first)
        c->unary = ((const CONFORMANCE(UnaryRequest) *)first)->response_definition;
}

static enum rpc_taken on_unary(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct conversation *c = conversation_of(call, &connectrpc__conformance__v1__unary_response__descriptor);

    define_unary(c, note(c, m));
    answer_unary(c);
    return RPC_NEXT;
}

static enum rpc_taken on_idempotent(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct conversation *c =
        conversation_of(call, &connectrpc__conformance__v1__idempotent_unary_response__descriptor);

    define_unary(c, note(c, m));
    answer_unary(c);
    return RPC_NEXT;
}

static struct conversation *client_stream(struct rpc_call *call)
{
    return conversation_of(call, &connectrpc__conformance__v1__client_stream_response__descriptor);
}

static enum rpc_taken on_client_message(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct conversation *c = client_stream(call);

    define_unary(c, note(c, m));
    return RPC_NEXT;
}

static void on_client_end(struct rpc_call *call)
{
    struct conversation *c = client_stream(call);

    if (!c->complete) {
        c->complete = true;
        answer_unary(c);
    }
}

static enum rpc_taken on_unimplemented(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct err e;

    (void)m;
    err_set(&e, STATUS_UNIMPLEMENTED, 0, "ConformanceService.Unimplemented is not implemented");
    rpc_finish(call, &e);
    return RPC_NEXT;
}

/* --- streams of answers ------------------------------------------------------------------------ */

static void end_stream(struct conversation *c)
{
    if (c->stream && c->stream->error)
        answer_error(c, c->stream->error);
    else
        rpc_finish(c->call, NULL);
}

/* Goes on as far as it can: to the next answer, which produce makes, to its delay, or to the end. */
static void advance(struct conversation *c)
{
    size_t n = c->stream ? c->stream->n_response_data : 0;

    if (c->ready || !(c->complete || c->waiting))
        return;
    if (c->sent == n) {
        end_stream(c);
        return;
    }
    c->ready = !delayed(c, c->stream->response_delay_ms);
    rpc_kick(c->call); /* the response begins, even when its first message has to wait */
}

static void on_delay(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct conversation *c = CONTAINER_OF(w, struct conversation, delay);

    (void)ev;
    (void)revents;
    c->slept = true;
    if (c->stream)
        advance(c);
    else
        answer_unary(c);
}

static enum rpc_produced on_produce(struct rpc_call *call, size_t max)
{
    struct conversation *c = rpc_state(call);

    (void)max;
    if (!c || !c->ready || rpc_emit(call, answer_message(c, c->stream->response_data[c->sent]), NULL) < 0)
        return RPC_WAIT;
    c->sent++;
    c->ready = c->slept = false;
    if (c->waiting)
        rpc_resume(call);
    c->waiting = false;
    c->count = 0;
    advance(c);
    return c->ready ? RPC_MORE : RPC_WAIT;
}

static void define_stream(struct conversation *c, const StreamDefinition *d)
{
    c->stream = d;
    if (d)
        answer_metadata(c, d->response_headers, d->n_response_headers, d->response_trailers,
                        d->n_response_trailers);
}

static enum rpc_taken on_server_message(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct conversation *c =
        conversation_of(call, &connectrpc__conformance__v1__server_stream_response__descriptor);
    const CONFORMANCE(ServerStreamRequest) *first = (const void *)note(c, m);

    define_stream(c, first->response_definition);
    c->complete = true;
    advance(c);
    return RPC_NEXT;
}

static struct conversation *bidi_stream(struct rpc_call *call)
{
    return conversation_of(call, &connectrpc__conformance__v1__bidi_stream_response__descriptor);
}

static enum rpc_taken on_bidi_message(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct conversation *c = bidi_stream(call);
    const CONFORMANCE(BidiStreamRequest) * first;

    if (c->waiting)
        return RPC_HOLD;
    first = (const void *)note(c, m);
    if (first) {
        c->full_duplex = first->full_duplex;
        define_stream(c, first->response_definition);
    }
    c->waiting = c->full_duplex;
    advance(c);
    return RPC_NEXT;
}

static void on_bidi_end(struct rpc_call *call)
{
    struct conversation *c = bidi_stream(call);

    c->complete = true;
    advance(c);
}

/* --- the table --------------------------------------------------------------------------------- */

/* Deadlines are the client's to keep, as with the suite's own server, which sleeps through them: our answer would come within
 * the millisecond in which the client hangs up, and one that it reads but half counts as a malformed one. That the floor keeps
 * them is tested in tests/unit/rpc. */
#define METHOD(service_kind, more_flags, service_name, in, out, ...)                                         \
    {                                                                                                        \
        .name = service_name, .kind = service_kind, .flags = RPC_OWN_DEADLINE | (more_flags),                \
        .input = &connectrpc__conformance__v1__##in##_request__descriptor,                                   \
        .output = &connectrpc__conformance__v1__##out##_response__descriptor, .cancel = on_cancel,           \
        __VA_ARGS__                                                                                          \
    }

static const struct rpc_method methods[] = {
    METHOD(RPC_UNARY, 0, "Unary", unary, unary, .message = on_unary),
    METHOD(RPC_UNARY, RPC_IDEMPOTENT, "IdempotentUnary", idempotent_unary, idempotent_unary,
           .message = on_idempotent),
    METHOD(RPC_UNARY, 0, "Unimplemented", unimplemented, unimplemented, .message = on_unimplemented),
    METHOD(RPC_CLIENT_STREAM, 0, "ClientStream", client_stream, client_stream, .message = on_client_message,
           .half_close = on_client_end),
    METHOD(RPC_SERVER_STREAM, 0, "ServerStream", server_stream, server_stream, .message = on_server_message,
           .produce = on_produce),
    METHOD(RPC_BIDI_STREAM, 0, "BidiStream", bidi_stream, bidi_stream, .message = on_bidi_message,
           .half_close = on_bidi_end, .produce = on_produce),
};

struct rpc_service conformance_service(struct loop *loop)
{
    return (struct rpc_service){.name = "connectrpc.conformance.v1.ConformanceService",
                                .methods = methods,
                                .count = ARRAY_LEN(methods),
                                .context = loop};
}
