/* An operation: what one call does to one repository, by one run of git or several in a row.
 *
 * States, and what moves it
 *   PLACING   a worker looks where it is (place.h) -> ASKING, or event `failed`
 *   ASKING    git says its version, if it has not before -> WAITING; too old: event `failed`
 *   WAITING   for its turn to write (queue.h); a reader passes; who makes something looks where it is once more
 *             -> READY, event `ready`, or event `failed`
 *   READY     git_op_run -> RUNNING
 *   RUNNING   the run ends -> READY, event `ended`
 *   CLOSING   git_op_close: a run that is under way is stopped, a worker takes away what is left half-made, then the next in line
 *             gets its turn and the operation is freed
 *
 * Exactly one of `ready` and `failed` comes, then one `ended` for each git_op_run. None comes after git_op_close, which its owner
 * calls once, in any state, and which ends its ownership. Events come from the loop's turn only. */
#ifndef GUEST_GIT_OP_H
#define GUEST_GIT_OP_H

#include "guest/git/heard.h"
#include "guest/git/policy.h"
#include "guest/git/version.h"
#include "guest/settings.h"

/* What operations share; one per agent. */
struct git {
    struct loop *loop;
    struct execs *execs;
    struct jobs *jobs; /* for what may block */
    struct settings *settings;
    struct git_queue queue;
    struct git_version version;
    struct tickets ops; /* whose worker is not done */
};

struct git_op;

struct git_op_events {
    void (*ready)(void *owner);
    void (*failed)(void *owner, const struct err *e);
    void (*ended)(void *owner);
    void (*output)(
        void *owner); /* of a run without a sink: git_run_read may have something; NULL: there is none */
};

enum git_op_state {
    GIT_OP_PLACING,
    GIT_OP_ASKING,
    GIT_OP_WAITING,
    GIT_OP_READY,
    GIT_OP_RUNNING,
    GIT_OP_CLOSING
};

struct git_op {
    struct git *git;
    enum git_op_state state;
    enum git_access access;
    const struct git_op_events *events;
    void *owner;
    ticket ticket;         /* while a worker is at it */
    char *user;            /* NULL: the default user; owned */
    struct guest_env *env; /* of the call's start */
    struct git_place place;
    struct git_turn turn;
    struct git_run run;
    struct git_heard version;
    bool unclean; /* a run that writes was stopped, or crashed, or the owner says so: CLOSING tidies up */
};

/* Everything given must outlive it. */
void git_init(struct git *g, struct loop *loop, struct execs *execs, struct jobs *jobs,
              struct settings *settings);

/* For tests. */
void git_destroy(struct git *g);

/* An operation at the path as the client wrote it ("" is the user's home), for that user (NULL: the default one); both are copied.
 * NULL with *e: resource_exhausted. */
struct git_op *git_op_new(struct git *g, const char *user, const char *path, enum git_access access,
                          const struct git_op_events *events, void *owner, struct err *e);

/* READY: runs the command. Its output goes to the sinks (run.h; err may be NULL), without `out` to whoever reads op->run; `input` as
 * for git_run_start. How it ended is in op->run.end. Returns 0, or -1 with *e; it is READY then. */
MUST_CHECK int git_op_run(struct git_op *op, const struct git_command *c, struct git_sink *out,
                          struct git_sink *err, struct chain *input, struct err *e);

/* The owner is through with it, or gives up. */
void git_op_close(struct git_op *op);

#endif
