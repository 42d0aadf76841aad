/* The RPC floor: services and their methods, over whatever protocol a client speaks. A method is written
 * once; it sees messages, and a call.
 *
 * A service is a table of struct rpc_method, registered with rpc_register. The callbacks of a method:
 *
 *   message     a message came (for unary and server streams exactly one, after which the request is
 *               complete). It is valid during the callback. Returns RPC_NEXT, or RPC_HOLD: it could not be
 *               taken (or not all of it); the same message comes again after rpc_resume. Meanwhile its bytes
 *               stay where they are, and the client's further ones are not read.
 *   half_close  the client sends no more (client streams).
 *   produce     the connection takes more of a stream: rpc_emit at most one frame of about `max` bytes, or
 *               nothing. Returns RPC_MORE (there may be more now) or RPC_WAIT (call rpc_kick when there is).
 *   cancel      the call ends from outside: the client is gone, its deadline passed, the agent shuts down.
 *               Only the destructor of the state follows.
 *
 * They come from the loop's turn only, never from inside a function below. A call ends by rpc_finish or
 * rpc_reply, or by cancel; after either no callback comes but the destructor of rpc_set_state, exactly once.
 * Who owns: the exchange owns the call, the method its state. A pointer to a call is valid until the
 * destructor. */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include "http/http.h"
#include "rpc/codec/codec.h"

struct rpc_call;

enum rpc_kind { RPC_UNARY, RPC_SERVER_STREAM, RPC_CLIENT_STREAM, RPC_BIDI_STREAM };
enum rpc_taken { RPC_NEXT, RPC_HOLD };
enum rpc_produced { RPC_WAIT, RPC_MORE };

enum rpc_flags {
    RPC_CONTROL = 1 << 0,      /* served when only few connections are left */
    RPC_HOST = 1 << 1,         /* on vsock the host only may call it */
    RPC_PUBLIC = 1 << 2,       /* needs no token */
    RPC_OWN_DEADLINE = 1 << 3, /* the method itself keeps the client's deadline: rpc_timeout_ms */
    RPC_IDEMPOTENT = 1 << 4,   /* NO_SIDE_EFFECTS: a unary method that Connect may call by GET */
    RPC_SECRET = 1 << 6,       /* its messages may hold secrets: no memory of the request outlives the call */
    RPC_BULK = 1 << 5,         /* it knows CODEC_BULK in its messages: rpc_bulk */
};

struct rpc_method {
    const char *name; /* "Start" */
    enum rpc_kind kind;
    unsigned flags;
    const ProtobufCMessageDescriptor *input;
    const ProtobufCMessageDescriptor *output;
    enum rpc_taken (*message)(struct rpc_call *call, const ProtobufCMessage *m);
    void (*half_close)(struct rpc_call *call);
    enum rpc_produced (*produce)(struct rpc_call *call, size_t max);
    void (*cancel)(struct rpc_call *call, enum close_reason why);
};

struct rpc_service {
    const char *name; /* "process.Process" */
    const struct rpc_method *methods;
    size_t count;
    void *context;            /* the service's own */
    struct rpc *rpc;          /* rpc_register's, */
    struct rpc_service *next; /* and this: in that order */
};

/* What the floor needs of its surroundings; one per process. */
struct rpc {
    struct http *http;
    struct loop *loop;
    struct seg_pool *pool;
    uint32_t message_max;                /* bytes of a request's message, uncompressed; MESSAGE_MAX */
    uint32_t calls;                      /* in progress; at most CALLS_MAX */
    struct rpc_service *services, **end; /* a list, and where it goes on */
};

void rpc_init(struct rpc *r, struct http *http, struct loop *loop, struct seg_pool *pool);

/* The service's methods answer POST /<service>/<method> from now on, in every protocol (the content type tells), idempotent
 * ones GET too, and their messages are of those that a google.protobuf.Any in JSON may hold (types_add adds others). The service
 * must live as long as the process. Returns 0, or -1 beyond TYPES_MAX. */
MUST_CHECK int rpc_register(struct rpc *r, struct rpc_service *service);

/* --- for methods ----------------------------------------------------------------------------- */

/* The service's context. */
void *rpc_context(const struct rpc_call *call);

/* The service registered after `after`, or the first one (NULL). NULL at the end. */
const struct rpc_service *rpc_next_service(const struct rpc_call *call, const struct rpc_service *after);

/* Whether the agent ends. */
bool rpc_shutting_down(const struct rpc_call *call);

/* Hangs the method's state on the call; `destroy` gets it when the call is gone. */
void rpc_set_state(struct rpc_call *call, void *state, void (*destroy)(void *state));
void *rpc_state(const struct rpc_call *call);

/* The first request header of that name (lower case); ptr is NULL without one. */
struct bytes rpc_header(const struct rpc_call *call, const char *name);

/* All request headers, in order, names in lower case. */
const struct http_fields *rpc_headers(const struct rpc_call *call);

/* The query of a unary call that came as a GET, as sent; empty for others. */
struct bytes rpc_query(const struct rpc_call *call);

/* Adds a field to the response's leading (until the first message or the end) or trailing metadata (until the end). The
 * name is in lower case; the value of one that ends in "-bin" is base64, as it travels. Names that the protocols use
 * themselves are the caller's to avoid. */
void rpc_add_header(struct rpc_call *call, const char *name, struct bytes value);
void rpc_add_trailer(struct rpc_call *call, const char *name, struct bytes value);

/* Name of the user whom the client asked for, checked to exist; NULL when it named none. */
const char *rpc_user(const struct rpc_call *call);

/* Whether it is envd's oldest client (User-Agent "connect-python"), which knows only the first fields of a file's entry. */
bool rpc_legacy_client(const struct rpc_call *call);

/* The client's deadline in ms from the call's start; 0: none. */
uint64_t rpc_timeout_ms(const struct rpc_call *call);

/* From `message` only, of a method with RPC_BULK: the bytes that a bytes field whose data is CODEC_BULK stands for. The method
 * may take them out (chain_move, chain_drop); after RPC_HOLD all of them come again. */
struct chain *rpc_bulk(struct rpc_call *call);

/* Sends a small message (a reply's or an event's): it waits behind what is already on its way, at most
 * SEND_WAITING_MAX bytes, beyond which the call is cancelled. */
void rpc_send(struct rpc_call *call, const ProtobufCMessage *m);

/* From `produce` only: appends one message to the frame; the bytes field marked CODEC_BULK stands for `bulk`,
 * which is not changed. Returns 0, or -1 when there is no memory for it now (nothing was sent; try again
 * later), or when it cannot be encoded (the call has ended with the reason). */
MUST_CHECK int rpc_emit(struct rpc_call *call, const ProtobufCMessage *m, const struct chain *bulk);

/* From `produce` only: nothing was emitted into this frame yet. The connection asks for a frame when it is through with
 * the last one: what that held is out. */
bool rpc_frame_begins(const struct rpc_call *call);

/* From `produce` only: it has something, but no memory to read it. It is asked again when there may be some. */
void rpc_starve(struct rpc_call *call);

/* `produce` has something. */
void rpc_kick(struct rpc_call *call);

/* The held message comes again. From the loop's next turn on. */
void rpc_resume(struct rpc_call *call);

/* Ends the call: with e == NULL in order (streams), else with the error. What was sent before still goes
 * out. */
void rpc_finish(struct rpc_call *call, const struct err *e);

/* rpc_send and rpc_finish: the answer of unary and client-streaming methods. */
void rpc_reply(struct rpc_call *call, const ProtobufCMessage *m);

/* How the messages of a call are written. */
struct rpc_form {
    enum codec codec;
    bool gzip;
};
struct rpc_form rpc_form(const struct rpc_call *call);

/* For large answers, in any thread: appends the message as calls of that form send it. Returns 0, or -1 with *e as codec_encode;
 * `out` may hold a part then. */
MUST_CHECK int rpc_encode(struct rpc_form form, const ProtobufCMessage *m, struct chain *out, struct err *e);

/* rpc_reply with what rpc_encode has made in the call's form of one message; it moves. */
void rpc_reply_encoded(struct rpc_call *call, struct chain *encoded);

/* Adds a detail to the error that rpc_finish will send (google.protobuf.Any on the wire). One that has no room is left out. */
void rpc_add_detail(struct rpc_call *call, const ProtobufCMessage *m);

/* The same, of a message's full name and binary form. */
void rpc_add_detail_packed(struct rpc_call *call, const char *type, struct bytes message);

/* How many bytes one more may have in its binary form: gRPC's go into trailers, of which clients take little. */
size_t rpc_detail_room(const struct rpc_call *call);

/* How often a client wants to hear of a quiet stream, in seconds: its header Keepalive-Ping-Interval. Anything but a whole number
 * from 1 to KEEPALIVE_MAX_S means KEEPALIVE_DEFAULT_S. */
unsigned rpc_keepalive_wish(const struct rpc_call *call);

/* Sends `m`, whenever nothing has been sent for `seconds`; m must live as long as the call. 0: never. */
void rpc_keepalive(struct rpc_call *call, unsigned seconds, const ProtobufCMessage *m);

#endif
