/* connectrpc.conformance.v1.ConformanceService on our RPC floor: what the suite's docs/testing_servers.md asks of a server.
 * A request says how it wants to be answered; the answer tells what was seen of the request.
 *
 * A conversation is what is known of a call: service.c receives the requests and times the answers, answer.c makes the
 * messages. It is a test's server: out of memory, it aborts. */
#ifndef TESTS_CONFORMANCE_SERVICE_H
#define TESTS_CONFORMANCE_SERVICE_H

#include "connectrpc/conformance/v1/service.pb-c.h"
#include "rpc/rpc.h"

#define CONFORMANCE(name) Connectrpc__Conformance__V1__##name
#define CASE(name)        CONNECTRPC__CONFORMANCE__V1__##name

typedef CONFORMANCE(UnaryResponseDefinition) UnaryDefinition;
typedef CONFORMANCE(StreamResponseDefinition) StreamDefinition;
typedef CONFORMANCE(ConformancePayload) Payload;
typedef CONFORMANCE(ConformancePayload__RequestInfo) RequestInfo;
typedef CONFORMANCE(ConformancePayload__ConnectGetInfo) GetInfo;
typedef CONFORMANCE(Error) Error;
typedef CONFORMANCE(Header) Header;
typedef Google__Protobuf__Any Any;

struct conversation {
    struct rpc_call *call;
    struct arena memory;                      /* for all that follows */
    const ProtobufCMessageDescriptor *output; /* of the method */
    bool begun;                               /* the first request has come */
    const UnaryDefinition *unary;             /* what that asked for; */
    const StreamDefinition *stream;           /* at most one of the two */
    bool full_duplex;                         /* each request gets an answer */
    bool complete;                            /* no more requests come */
    bool waiting;                             /* full duplex: a request has no answer yet */
    bool ready;     /* the next answer of a stream goes when the connection takes it */
    bool slept;     /* the delay before the next answer is over */
    size_t sent;    /* answers */
    Any **requests; /* since the last answer */
    size_t count, cap;
    ev_timer delay;
};

/* Zeroed memory that lives as long as the conversation. */
void *conversation_alloc(struct conversation *c, size_t size);

/* The message as an Any. */
Any *answer_pack(struct conversation *c, const ProtobufCMessage *m);

/* Adds what the definition asks for to the response's leading and trailing metadata. */
void answer_metadata(struct conversation *c, Header **headers, size_t n_headers, Header **trailers,
                     size_t n_trailers);

/* The method's next response: `data`, and what is known of the requests that it answers. */
const ProtobufCMessage *answer_message(struct conversation *c, ProtobufCBinaryData data);

/* Ends the call with the error, whose last detail tells what was seen of the requests if nothing else did. */
void answer_error(struct conversation *c, const Error *error);

/* The service, as rpc_register wants it; its context is the struct loop. */
struct rpc_service conformance_service(struct loop *loop);

#endif
