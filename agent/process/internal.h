/* What the files of the process service share. */
#ifndef PROCESS_INTERNAL_H
#define PROCESS_INTERNAL_H

#include "guest/v1/exec.pb-c.h"
#include "process/process.pb-c.h"
#include "process/process_service.h"

/* The live process that the selector names. NULL: *past is an exit of the last EXITS_KEPT_MS when `past` is
 * not NULL and there is one; else *e says what is wrong. */
struct exec *select_process(struct process_service *p, const Process__ProcessSelector *selector,
                            const struct exec_past **past, struct err *e);

/* Changes the size of the process's terminal; NULL: to the default. Returns 0, or -1 with *e. */
int resize_process(struct exec *x, const Process__PTY__Size *size, struct err *e);

/* Sends the signal to the target, and SIGKILL grace_ms later. Returns 0, or -1 with *e: invalid_argument for numbers that are
 * out of range; others: the process has ended, or the kernel refused. */
int signal_process(struct exec *x, uint32_t number, Process__SignalTarget target, uint32_t grace_ms,
                   struct err *e);

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

/* What a stream is: a subscriber with a call, from the request to the call's end. It is the call's state, or its first
 * member. */
struct stream {
    struct rpc_call *call;
    struct exec_sub sub;
    enum stream_kind { STREAM_START, STREAM_CONNECT, STREAM_SESSION } kind; /* how its responses look */
    bool owner;        /* of the process: it started it */
    bool kill_on_gone; /* ... and takes it along when its client goes */
    struct event_options events;
    uint64_t unsent_offset; /* of unsent's first byte */
    struct chain unsent;    /* read from the process, but there was no memory to encode it */
    enum ring_stream unsent_stream;
    ev_timer overdue; /* with a time-out of its own: the call should have ended by now */
    struct loop *loop;
};

/* Makes of *s, which is zeroed, a stream of that call. */
void stream_init(struct stream *s, struct rpc_call *call, enum stream_kind kind);

/* Lets go of all that the stream has, not of itself. */
void stream_clear(struct stream *s);

/* Starts a process and watches it, or watches one that is there; what is wrong finishes the call. */
void stream_open_start(struct stream *s, const Process__StartRequest *m);
void stream_open_connect(struct stream *s, const Process__ConnectRequest *m);

/* Ends the call with deadline_exceeded after so long. */
void stream_limit(struct stream *s, uint64_t ms);

enum rpc_taken stream_start(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_taken stream_connect(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_produced stream_produce(struct rpc_call *call, size_t max);
void stream_cancel(struct rpc_call *call, enum close_reason why);

/* input.c */

/* Bytes for a process, from one call in order. */
struct feed {
    struct rpc_call *call;
    struct exec_wait wait;
    size_t taken; /* of the message under way */
};

void feed_init(struct feed *f, struct rpc_call *call);
void feed_cancel(struct feed *f);

/* Feeds the process what is left of the message. Returns 1: all was taken; 0: the process has to catch up first, the caller
 * holds the message, and the call is resumed in time; -1: *e. */
int feed_bytes(struct feed *f, struct exec *x, bool terminal, const ProtobufCBinaryData *data, struct err *e);

enum rpc_taken input_send(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_taken input_stream(struct rpc_call *call, const ProtobufCMessage *m);
void input_stream_end(struct rpc_call *call);
void input_cancel(struct rpc_call *call, enum close_reason why);

/* session.c */
enum rpc_taken session_message(struct rpc_call *call, const ProtobufCMessage *m);
void session_half_close(struct rpc_call *call);
void session_cancel(struct rpc_call *call, enum close_reason why);

#endif
