/* A call of guest.v1.Git: an operation (guest/git/op.h) with a client. What differs from method to method is a struct git_verb;
 * the rest is here: the place, the user, the deadline, the errors, the end.
 *
 * States: asked (the verb reads the request, and builds the command) -> the operation is ready -> the command runs -> `ended` of the
 * verb: it answers, or runs another -> finished. What fails on the way finishes the call with a GitFailure. A client that goes
 * closes the operation, which stops git and tidies up by itself. */
#ifndef GIT_CALL_H
#define GIT_CALL_H

#include "git/git_service.h"
#include "guest/git/asker.h"
#include "guest/git/errors.h"
#include "guest/v1/git.pb-c.h"

struct git_call;

/* A method. Callbacks run on the loop; those that return int return 0, or -1 with *e, which finishes the call. */
struct git_verb {
    const char *name;
    enum rpc_kind kind;
    const ProtobufCMessageDescriptor *input, *output;
    enum git_access access;
    bool any_code; /* `ended` judges git's exit code itself (git_call_judge); else it comes only with 0 */
    /* Reads the request, which is valid only now: makes the command with git_call_arg, and c->state of what is needed later. */
    int (*ask)(struct git_call *c, const ProtobufCMessage *m, struct err *e);
    /* A run has ended: answers (git_call_reply, git_call_end), or begins another (git_call_again and git_call_arg). */
    int (*ended)(struct git_call *c, struct err *e);
    /* Streams: sends what git printed (stream.h); NULL: it has a sink, or what
     * git prints is kept (plain.h). */
    int (*emit)(struct git_call *c, enum ring_stream stream, const struct chain *data);
    /* Frees what c->state has outside the arena; NULL: nothing. */
    void (*clear)(struct git_call *c);
};

struct git_call {
    struct rpc_call *rpc;
    struct git_service *service;
    const struct git_verb *verb;
    struct git_op *op;  /* NULL: closed */
    struct arena arena; /* of the command, the verb's state and the answer; GIT_ANSWER_BYTES */
    struct git_command command;
    struct git_sink *out, *err; /* of the command; NULL: as the verb's `emit` says, and none */
    struct chain input;
    const char *path;              /* where; NULL: the request's field of that name says it */
    struct git_watch *watch;       /* progress; NULL: none */
    struct git_heard heard;        /* what a run printed, where plain.h keeps it */
    struct git_conflict *conflict; /* whose paths are asked for (conflict.h); NULL: none; in the arena */
    void *state;                   /* the verb's; in the arena */
    unsigned step;                 /* runs that have ended */
    bool again;                    /* `ended` wants another run */
    enum git_reason reason;        /* of the error that the call ends with */
    struct {                       /* of the run that failed, when others follow it: git_call_keep */
        bool yes;
        int code;
        struct bytes said; /* in the arena */
    } kept;
    bool store;                         /* the credentials are to be stored: store.h */
    unsigned stored;                    /* runs of that which have begun */
    struct git_credentials credentials; /* of the request; for the origin that git_call_aim says */
    struct git_lent lent;
    struct git_asker asker;
    ev_timer deadline;
    struct chain unsent; /* read from git, and not sent: there was no memory */
    enum ring_stream unsent_stream;
};

/* From a method's `message`: the call of the verb whose request m is. */
enum rpc_taken git_call_message(struct rpc_call *rpc, const ProtobufCMessage *m);

/* --- for verbs ------------------------------------------------------------------------------- */

/* Adds an argument to the command. It must live as long as the call, as a literal or what lies in the arena does. -1 with *e:
 * out of memory, or more than GIT_ARGS_MAX. */
MUST_CHECK int git_call_arg(struct git_call *c, const char *arg, struct err *e);

/* The same of a copy of text that came from the client. With `option` ("--branch=") it is its value, else it is an operand: then
 * one that is empty or begins with '-' is invalid_argument, as `what`. */
MUST_CHECK int git_call_text(struct git_call *c, const char *option, const char *text, const char *what,
                             struct err *e);

/* Reads the URL that the runs from now on talk to: the credentials are for its origin, and its own are taken where the request has
 * none. The URL without them, in the arena; NULL with *e, also where they are to be stored and cannot be. */
const char *git_call_aim(struct git_call *c, const char *url, struct err *e);

/* Adds "--" and the paths; nothing where there are none. */
MUST_CHECK int git_call_paths(struct git_call *c, const ProtobufCBinaryData *paths, size_t count,
                              struct err *e);

/* Copies of the paths in the arena, as strings. NULL with *e: invalid_argument, where one is empty or holds a NUL. */
const char **git_call_copy_paths(struct git_call *c, const ProtobufCBinaryData *paths, size_t count,
                                 struct err *e);

/* A zeroed object in the arena, or NULL with *e. */
void *git_call_alloc(struct git_call *c, size_t size, struct err *e);

/* A copy in the arena as text: bytes that are not UTF-8 are '?'. NULL with *e. */
char *git_call_string(struct git_call *c, struct bytes text, struct err *e);

/* A copy in the arena. -1 with *e. */
MUST_CHECK int git_call_bytes(struct git_call *c, struct bytes data, ProtobufCBinaryData *out, struct err *e);

/* From `ended`: a further run, whose command is empty yet. */
void git_call_again(struct git_call *c);

/* Whether git's exit code is 0. Else -1 with *e: what git said, and the status of the reason that it gave. */
MUST_CHECK int git_call_judge(struct git_call *c, struct err *e);

/* Finishes a stream that has nothing more to say. */
void git_call_end(struct git_call *c);

/* From `ended`, after git has failed: the error that the call will end with tells of this run, whatever runs still follow. -1 with
 * *e: out of memory. */
MUST_CHECK int git_call_keep(struct git_call *c, struct err *e);

/* Answers and finishes. */
void git_call_reply(struct git_call *c, const ProtobufCMessage *m);

#endif
