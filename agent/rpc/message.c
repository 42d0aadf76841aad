#include <malloc.h>

#include "core/base64.h"
#include "core/limits.h"
#include "rpc/call.h"
#include "rpc/envelope.h"
#include "rpc/gzip.h"

/* Messages on their way in and out: envelopes, compression, and the text form of bodies. What all protocols share. */

/* --- in -------------------------------------------------------------------------------------- */

static int too_large(const struct rpc_call *call, size_t n, struct err *e)
{
    return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "message size %zu is larger than configured max %u", n,
                   call->rpc->message_max);
}

/* Whether a long value of the message may stay where it was received, for as long as the method likes to keep it; not when
 * memory for requests is short. */
static bool may_lift(const struct rpc_call *call)
{
    const struct seg_pool *pool;

    if (!(call->method->flags & RPC_BULK) || call->codec != CODEC_PROTO)
        return false;
    pool = call->x->conn->net->in_pool;
    return seg_pool_free(pool) >= pool->total / 2;
}

/* The message that is the n bytes of call->in behind `skip`, in one piece; without its bulk. */
static int lifted_front(struct rpc_call *call, size_t skip, size_t n, struct bytes *out, struct err *e)
{
    size_t rest = n - call->lift.len;

    call->message = malloc(rest + 1);
    if (!call->message || chain_share(&call->bulk, &call->in, skip + call->lift.at, call->lift.len) < 0)
        return err_nomem(e, "receive a message");
    proto_lift_rest(&call->lift, &call->in, skip, n, call->message);
    *out = (struct bytes){(const char *)call->message, rest};
    return 0;
}

/* The n bytes of call->in behind `skip` in one piece. */
static int front(struct rpc_call *call, size_t skip, size_t n, bool compressed, struct bytes *out,
                 struct err *e)
{
    const struct chain_item *first = call->in.count ? &call->in.items[call->in.head] : NULL;

    if (!compressed && may_lift(call) &&
        proto_lift_find(&call->lift, call->method->input, &call->in, skip, n,
                        SEG_SIZE)) /* a shorter value would hold a whole segment */
        return lifted_front(call, skip, n, out, e);
    if (first && first->len >= skip + n) {
        *out = (struct bytes){(const char *)first->data + skip, n};
        return 0;
    }
    call->message = malloc(n + 1);
    if (!call->message)
        return err_nomem(e, "receive a message");
    chain_peek_at(&call->in, skip, call->message, n);
    *out = (struct bytes){(const char *)call->message, n};
    return 0;
}

/* Replaces a compressed message by what it says. */
static int decompress(struct rpc_call *call, struct bytes *message, struct err *e)
{
    size_t len;
    uint8_t *plain = gzip_decompress(*message, call->rpc->message_max, &len, e);

    if (!plain)
        return -1;
    if (call->message) /* what does not compress stands in it as it is */
        explicit_bzero(call->message, malloc_usable_size(call->message));
    free(call->message);
    call->message = plain;
    *message = (struct bytes){(const char *)plain, len};
    return 0;
}

/* The body is the message, even an empty one. */
static int whole_body(struct rpc_call *call, struct bytes *message, struct err *e)
{
    if (call->messages > 0)
        return 0;
    call->taken = call->in.bytes;
    if (call->taken > call->rpc->message_max)
        return too_large(call, call->taken, e);
    if (front(call, 0, call->taken, call->gzip_in, message, e) < 0)
        return -1;
    if (call->gzip_in && message->len > 0 && decompress(call, message, e) < 0)
        return -1;
    return 1;
}

/* The head of the envelope that is at the front. Returns 1; 0: it is not all there yet; -1: *e. */
static int envelope_at_front(const struct rpc_call *call, struct envelope *v, struct err *e)
{
    uint8_t head[ENVELOPE_SIZE];

    if (call->in.bytes < ENVELOPE_SIZE)
        return 0;
    chain_peek(&call->in, head, sizeof head);
    envelope_decode(head, sizeof head, v);
    if (v->flags & ~ENVELOPE_COMPRESSED)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "protocol error: invalid envelope flags %u", v->flags);
    if ((v->flags & ENVELOPE_COMPRESSED) && !call->gzip_in)
        return err_set(e, STATUS_INTERNAL, 0, "protocol error: compressed message without encoding");
    return v->len > call->rpc->message_max ? too_large(call, v->len, e) : 1;
}

int message_check(const struct rpc_call *call, struct err *e)
{
    struct envelope v;

    return call->protocol->enveloped ? envelope_at_front(call, &v, e) : 0;
}

int message_next(struct rpc_call *call, struct bytes *message, struct err *e)
{
    struct envelope v;
    int got;

    if (!call->protocol->enveloped)
        return whole_body(call, message, e);
    got = envelope_at_front(call, &v, e);
    if (got <= 0)
        return got;
    if (call->in.bytes - ENVELOPE_SIZE < v.len)
        return 0;
    call->taken = ENVELOPE_SIZE + v.len;
    if (front(call, ENVELOPE_SIZE, v.len, v.flags & ENVELOPE_COMPRESSED, message, e) < 0)
        return -1;
    if ((v.flags & ENVELOPE_COMPRESSED) && message->len > 0 && decompress(call, message, e) < 0)
        return -1;
    return 1;
}

/* Decodes the n characters, a multiple of four but at the very end, to the end of call->in. */
static int append_text(struct rpc_call *call, const char *text, size_t n, struct err *e)
{
    uint8_t plain[KIB];
    ptrdiff_t len = base64_decode((struct bytes){text, n}, plain);
    int ret = len < 0 ? 0 : chain_copy(&call->in, plain, (size_t)len);

    explicit_bzero(plain, sizeof plain);
    if (len < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "protocol error: the body is not base64");
    return ret < 0 ? err_nomem(e, "receive the request") : 0;
}

/* Base64 whose pieces may each have their own padding: it is decoded in groups of four characters, and a group with
 * padding by itself. */
static int receive_text(struct rpc_call *call, struct chain *in, bool complete, struct err *e)
{
    char block[KIB];
    size_t n = call->quad_len;
    int ret = 0;

    memcpy(block, call->quad, n);
    CHAIN_FOREACH (it, in) {
        for (uint32_t i = 0; i < it->len && ret == 0; i++) {
            block[n++] = (char)it->data[i];
            if (n % 4 == 0 && (n == sizeof block || it->data[i] == '=')) {
                ret = append_text(call, block, n, e);
                n = 0;
            }
        }
    }
    if (ret == 0 && n > 0)
        ret = append_text(call, block, complete ? n : n / 4 * 4, e);
    call->quad_len = complete ? 0 : n % 4;
    memcpy(call->quad, block + n / 4 * 4, call->quad_len);
    explicit_bzero(block, sizeof block);
    chain_clear(in);
    return ret;
}

int message_receive(struct rpc_call *call, struct chain *in, bool complete, struct err *e)
{
    if (call->in.bytes + in->bytes > (size_t)call->rpc->message_max + ENVELOPE_SIZE + BODY_WINDOW)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "message size is larger than configured max %u",
                       call->rpc->message_max);
    if (call->protocol->text)
        return receive_text(call, in, complete, e);
    return chain_move(&call->in, in, in->bytes) < 0 ? err_nomem(e, "receive the request") : 0;
}

/* --- out ------------------------------------------------------------------------------------- */

int message_envelope(uint8_t flags, struct chain *body, struct chain *out)
{
    uint8_t head[ENVELOPE_SIZE];
    struct chain framed = {0};
    int ret;

    envelope_encode(flags, (uint32_t)body->bytes, head);
    ret = chain_copy(&framed, head, sizeof head);
    /* chain_move can fail only before it moved anything: in one go, for a head without its body would spoil the stream. */
    if (ret == 0)
        ret = chain_move(&framed, body, body->bytes);
    if (ret == 0)
        ret = chain_move(out, &framed, framed.bytes);
    chain_clear(&framed);
    return ret;
}

/* Encodes into the empty chain, and compresses what is not empty. */
static int encode(struct rpc_form form, const ProtobufCMessage *m, const struct chain *bulk,
                  struct seg_pool *pool, struct chain *out, struct err *e)
{
    struct chain packed = {0};

    if (codec_encode(form.codec, m, bulk, pool, out, e) < 0)
        return -1;
    if (!form.gzip || out->bytes == 0)
        return 0;
    if (gzip_compress(out, pool, &packed) < 0) {
        chain_clear(&packed);
        return err_nomem(e, "compress a message");
    }
    chain_clear(out);
    *out = packed;
    return 0;
}

int message_append(const struct rpc_call *call, struct chain *encoded, struct chain *out, struct err *e)
{
    uint8_t flags = call->gzip_out && encoded->bytes > 0 ? ENVELOPE_COMPRESSED : 0;
    int ret = call->protocol->enveloped ? message_envelope(flags, encoded, out)
                                        : chain_move(out, encoded, encoded->bytes);

    return ret < 0 ? err_nomem(e, "send a message") : 0;
}

int message_encode(struct rpc_call *call, const ProtobufCMessage *m, const struct chain *bulk,
                   struct chain *out, struct err *e)
{
    struct seg_pool *pool = call->rpc->pool;
    struct chain body = {0};
    int ret;

    /* Replies and small frames do not depend on what stalled clients leave in the pool. */
    if (!bulk || (bulk->bytes <= SEG_SIZE && seg_pool_free(pool) < POOL_SHORT))
        pool = NULL;
    ret = encode(rpc_form(call), m, bulk, pool, &body, e);
    if (ret == 0)
        ret = message_append(call, &body, out, e);
    chain_clear(&body);
    return ret;
}

struct rpc_form rpc_form(const struct rpc_call *call)
{
    return (struct rpc_form){call->codec, call->gzip_out};
}

int rpc_encode(struct rpc_form form, const ProtobufCMessage *m, struct chain *out, struct err *e)
{
    return encode(form, m, NULL, NULL, out, e);
}
