/* What the files of the process service share. */
#ifndef PROCESS_INTERNAL_H
#define PROCESS_INTERNAL_H

#include "process/process.pb-c.h"
#include "process/process_service.h"

/* The live process that the selector names. NULL: *past is an exit of the last EXITS_KEPT_MS when `past` is
 * not NULL and there is one; else *e says what is wrong. */
struct exec *select_process(struct process_service *p, const Process__ProcessSelector *selector,
                            const struct exec_past **past, struct err *e);

/* What a stream says beyond envd's events; all false for a request without EventOptions. */
struct event_options {
    bool offsets, exited, exit_record;
    bool any; /* it asked for something that envd does not know: it may be told more */
};

/* options.c */

/* Takes over what the request's options say into the view, which points into them; `limits` has room for
 * START_LIMITS_MAX. NULL options change nothing. Returns 0, or -1 with *e: invalid_argument. */
int options_start(const Process__StartOptions *m, struct exec_limit *limits, struct exec_spec *view,
                  struct err *e);
struct event_options options_events(const Process__EventOptions *m);

/* Where in the process's output a stream begins; UINT64_MAX: at its head. */
uint64_t options_replay(const Process__Replay *m, uint64_t head);

/* -1 with *e for a number that is no target. */
int options_target(Process__SignalTarget m, enum exec_target *target, struct err *e);

/* The exit as a message; it and what hangs on it lie in *room. */
struct exit_record {
    Process__ExitRecord record;
    Process__ExitRecord__Usage usage;
    Google__Protobuf__Timestamp started, ended;
};
Process__ExitRecord *options_exit(const struct exec_exit *exit, struct exit_record *room);

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
