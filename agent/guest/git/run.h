/* One run of git: a process of guest/exec, whose standard output goes to a parser or, by reference, to whoever asks for it, and
 * of whose standard error the end is kept.
 *
 * States: idle -> running (git_run_start) -> ended (event `ended`, once) -> idle. git_run_stop kills it; `ended` comes still.
 * Events come from the loop's turn only. Who frees: the struct is its owner's; git_run_clear, when it is not running. */
#ifndef GUEST_GIT_RUN_H
#define GUEST_GIT_RUN_H

#include "guest/exec/exec.h"
#include "guest/git/tail.h"

/* A reader of git's output: gets the bytes as they come, in pieces of any size. */
struct git_sink {
    /* Returns 0, or -1 with *e: what comes is not what git writes, or there is no memory. git is then stopped. */
    int (*feed)(struct git_sink *s, struct bytes data, struct err *e);
};

/* How it ended. */
struct git_end {
    bool failed; /* there was no process, or the sink failed: error says why */
    struct err error;
    int code;   /* exit status; -1: a signal */
    int signal; /* or 0 */
};

struct git_run {
    struct execs *execs;
    struct exec_sub sub;
    struct git_sink *out; /* of standard output; NULL: git_run_read */
    struct git_sink *err; /* of standard error as well; may be NULL */
    bool running, stopped;
    bool ignored; /* nobody wants its output any more */
    struct git_tail said;
    struct git_end end;
    struct chain input; /* not yet with git */
    bool has_input;
    struct exec_wait room;
    struct task more;
    void (*ended)(struct git_run *r);
    void (*ready)(struct git_run *r); /* git_run_read may have something */
};

/* Starts git: takes the spec over, on failure too, and the bytes of `input` (NULL: none; then the spec has no stdin_pipe). The
 * caller has set execs, out, err, ended and, without out, ready. Returns 0, or -1 with *e as exec_start. */
MUST_CHECK int git_run_start(struct git_run *r, struct exec_spec *spec, struct guest_env *env,
                             struct chain *input, struct err *e);

/* Appends the next output, at most `max` bytes of one stream, by reference: `out` counts as unread until git_run_taken. Returns
 * EXEC_DATA, EXEC_AGAIN, EXEC_NO_MEMORY, or EXEC_END: `ended` comes. */
enum exec_read git_run_read(struct git_run *r, size_t max, struct chain *out, enum ring_stream *stream);
void git_run_taken(struct git_run *r);

/* Ends it: SIGTERM to its tree, SIGKILL after GIT_GRACE_MS. What it says from now on is thrown away. */
void git_run_stop(struct git_run *r);

/* Wipes and frees what is kept of the last run. */
void git_run_clear(struct git_run *r);

#endif
