/* What the files of the process service share. */
#ifndef PROCESS_INTERNAL_H
#define PROCESS_INTERNAL_H

#include "process/process.pb-c.h"
#include "process/process_service.h"

/* The live process that the selector names. NULL: *past is an exit of the last EXITS_KEPT_MS when `past` is
 * not NULL and there is one; else *e says what is wrong. */
struct exec *select_process(struct process_service *p, const Process__ProcessSelector *selector,
                            const struct exec_past **past, struct err *e);

/* stream.c */
enum rpc_taken stream_start(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_taken stream_connect(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_produced stream_produce(struct rpc_call *call, size_t max);
void stream_cancel(struct rpc_call *call, enum close_reason why);

/* input.c */
enum rpc_taken input_send(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_taken input_stream(struct rpc_call *call, const ProtobufCMessage *m);
void input_stream_end(struct rpc_call *call);
void input_cancel(struct rpc_call *call, enum close_reason why);

#endif
