/* Processes: what runs in the guest because somebody asked for it.
 *
 * Objects and owners
 *   struct execs      the table; one per agent, main's
 *   struct exec       one process: the table's. Others hold its ticket, or are subscribed to it
 *   struct exec_sub   a subscriber with a cursor in the process's output: the caller's memory
 *   struct exec_wait  somebody who waits for room in a process's input: the caller's memory
 *
 * States of a process, and what moves it
 *   SPAWNING   exec_start gave it to a worker, or holds it while the gate is shut. Done -> RUNNING; failed or 10 s
 *              in the worker over -> gone (subscribers: failed)
 *   RUNNING    subscribers: started. The leader is reaped -> EXITED
 *   EXITED     the exit is recorded; output is still read until every pipe is at its end, or until
 *              EXIT_QUIET_MS without output, or EXIT_GRACE_MS in all (not counted while reading waits for
 *              room) -> CLOSED
 *   CLOSED     `cut` says where the stream ends: a subscriber gets its end when it has read up to there. It
 *              is out of `live` and answers by pid and tag as an exit for EXITS_KEPT_MS. Pipes that a
 *              grandchild still holds are read on, so that it never gets SIGPIPE; at most LINGER_MAX such
 *              processes keep a ring. What it wrote stays as long, KEPT_BYTES in all
 *   gone       CLOSED, no subscriber, all pipes at their end, its output not kept any more: freed
 *
 * Events to a subscriber: `started` or `failed` (once, only of the process it started), then `ready` whenever
 * exec_read may have something new. They come from the loop's turn, never from inside a function below.
 *
 * Bounds: PROCESSES_MAX, SUBSCRIBERS_MAX, RING_MAX and the pool (ring.h), STDIN_QUEUE_MAX, EXITS_KEPT_MAX. */
#ifndef GUEST_EXEC_EXEC_H
#define GUEST_EXEC_EXEC_H

#include "core/timerq.h"
#include "guest/boot.h"
#include "guest/exec/reaper.h"
#include "guest/exec/ring.h"
#include "guest/exec/spawn.h"

enum exec_state { EXEC_SPAWNING, EXEC_RUNNING, EXEC_EXITED, EXEC_CLOSED };

/* What getrusage(2) says of the leader and the children it waited for, as far as it is told; thousands of these are kept. */
struct exec_usage {
    uint64_t user_us, system_us;
    uint64_t max_rss_kib;
    uint64_t minor_faults, major_faults;
    uint64_t voluntary_switches, involuntary_switches;
};

/* How a process ended. */
struct exec_exit {
    int code;                       /* exit status, or -1 */
    int signal;                     /* that killed it, or 0 */
    bool core;                      /* it left a core */
    bool timed_out;                 /* its deadline killed it */
    bool oom;                       /* the kernel killed something in its leaf for want of memory */
    struct timespec started, ended; /* wall clock */
    uint64_t duration_ns;           /* monotonic */
    struct exec_usage usage;
};

struct exec;
struct exec_sub;
struct exec_wait;
struct execs;

struct exec_sub_events {
    void (*started)(struct exec_sub *s);
    void (*failed)(struct exec_sub *s, const struct err *e, enum spawn_stage stage, const char *object);
    void (*exited)(struct exec_sub *s); /* the leader was reaped; may be NULL */
    void (*ready)(struct exec_sub *s);
};

struct exec_sub {
    TAILQ_ENTRY(exec_sub) link;
    struct exec *exec; /* NULL: not subscribed (any more) */
    const struct exec_sub_events *events;
    struct ring_cursor cursor;
    unsigned held_ms; /* how long it has held up a reader at the head; see ring.h and exec_output.c */
    bool dropped;     /* for that */
    bool waiting;     /* for the end, when it gets the tail; the cursor is not attached before */
};

struct exec_wait {
    TAILQ_ENTRY(exec_wait) link;
    struct exec *exec; /* NULL: does not wait */
    /* There is room, or the input is closed: try again. It waits no more. */
    void (*ready)(struct exec_wait *w);
};

/* One of a process's outputs. */
struct exec_pipe {
    struct exec *exec;
    enum ring_stream stream;
    int fd;     /* -1: at its end */
    bool alone; /* a terminal's: nobody has it open */
    ev_io io;
};

struct exec_input {
    int fd;         /* -1: none, or closed */
    bool terminal;  /* fd is the terminal's, owned by the output */
    bool closing;   /* close it when the queue is empty */
    bool ended;     /* a terminal's: its end was typed, and nothing since */
    uint8_t last;   /* byte taken */
    bool canonical; /* a terminal's: its mode when its end was typed */
    unsigned looks; /* how often it is still looked at for another mode */
    ev_timer look;
    struct chain queue;
    ev_io io;
    TAILQ_HEAD(exec_wait_list, exec_wait) waiting;
};

struct exec {
    TAILQ_ENTRY(exec) link; /* of execs->live, or ->lingering */
    LIST_ENTRY(exec) by_pid;
    struct execs *table;
    uint64_t id; /* never used again */
    ticket ticket;
    enum exec_state state;
    struct exec_spec *spec; /* RUNNING and EXITED; else NULL */
    bool pty;               /* of the spec */
    pid_t pid;
    enum cgroup_class class;
    bool leaf; /* a cgroup leaf of the name leaf_name is there */
    char leaf_name[24];

    struct ring ring;
    struct exec_pipe pipes[2]; /* stdout and stderr, or the terminal */
    unsigned read_turn;        /* of the loop, in which pipes were read last */
    bool other_first;          /* the next pull begins with the other pipe */
    bool paused;               /* not read, because subscribers are behind */
    bool full;                 /* not read, because there is no room */
    bool drain;                /* read and thrown away */
    bool truncated;            /* what was thrown away, or did not fit into the tail, was output */
    uint64_t max_output;       /* of the spec */
    bool keep_tail;            /* of the spec */
    bool transient;            /* of the spec */
    const char *key;           /* of the spec; CLOSED: our own copy. NULL: none */
    struct exec_input input;

    TAILQ_HEAD(, exec_sub) subs;
    unsigned sub_count;
    struct exec_exit exit;
    uint64_t started_ns; /* monotonic */
    uint64_t own_end;    /* EXITED: what the leader itself wrote lies before it */
    uint64_t cut;        /* CLOSED: the stream's end; else UINT64_MAX */
    ev_timer deadline;
    ev_timer quiet;    /* EXITED: EXIT_QUIET_MS since the last output; before: of a pipe that is `alone` */
    ev_timer grace;    /* EXITED: ticks */
    unsigned grace_ms; /* EXITED: of EXIT_GRACE_MS, used up */
    ev_timer held;     /* ticks while `full` */
    ev_timer follow;   /* a grace is over: SIGKILL to follow_target */
    enum exec_target follow_target;
    bool doomed;              /* SPAWNING: exec_kill was called */
    struct timerq_entry kept; /* CLOSED: its output is kept until then */
    struct timerq_entry spawn_timeout;
    struct spawn *spawn; /* SPAWNING: the job, which a worker has; only its pid may be looked at */
    struct task check;   /* look whether it is over */
};

/* An exit that is remembered. */
struct exec_past {
    pid_t pid;
    bool reused; /* the pid is another's: it does not name this exit any more */
    char *tag;   /* NULL: none */
    char *key;   /* NULL: none */
    uint64_t id;
    uint64_t head;     /* how many bytes it has written */
    uint64_t until_ms; /* monotonic */
    struct exec_exit exit;
};

#define EXEC_PID_BUCKETS 256u

struct execs {
    struct loop *loop;
    struct seg_pool *pool;
    struct jobs *jobs; /* for spawns */
    struct cgroups *cgroups;
    struct spawn_surroundings around;
    struct reaper reaper;
    size_t ring_max;
    TAILQ_HEAD(exec_list, exec) live; /* SPAWNING to EXITED, in order of their start */
    struct exec_list lingering;       /* CLOSED */
    unsigned count;                   /* of both */
    unsigned lingering_count;
    LIST_HEAD(, exec) pids[EXEC_PID_BUCKETS];
    LIST_HEAD(, spawn) spawning;
    struct job_list held; /* of those, the ones that wait for the gate */
    unsigned held_count;
    bool gate_shut;
    struct tickets tickets;
    uint64_t next_id;
    struct timerq spawn_timeouts;
    struct timerq kept;
    bool kill_leader;       /* --kill leader: by default SIGKILL and deadlines do not reach the tree */
    struct exec_past *past; /* ring buffer of EXITS_KEPT_MAX at most */
    uint32_t past_first, past_count, past_cap;
    ev_timer past_timer;
    bool stopping;     /* no new ones */
    struct boot *boot; /* to be finished before the first one; NULL: it is not ours */
    /* Asked of each child that ended and is not in the table: whether it is another's. NULL: they are all orphans. */
    bool (*is_others)(void *arg, pid_t pid, int status);
    void *others;
    uint64_t started, failed; /* for metrics */
};

/* Prepares the table and the reaper. Everything given must outlive it. ring_max: bytes of one ring. */
MUST_CHECK int execs_init(struct execs *t, struct loop *loop, struct seg_pool *pool, struct jobs *jobs,
                          struct cgroups *cgroups, const struct spawn_surroundings *around, size_t ring_max,
                          struct err *e);

/* Starts a process as the settings of `env` say and subscribes `sub` to it from its first byte on. Takes the
 * spec over, on failure too. Returns 0, or -1 with *e: resource_exhausted (too many), failed_precondition
 * (the agent ends, or is frozen). */
MUST_CHECK int exec_start(struct execs *t, struct exec_spec *spec, struct guest_env *env,
                          struct exec_sub *sub, const struct exec_sub_events *events, struct err *e);

/* Subscribes to a process at an offset of its output (UINT64_MAX: its head); at the oldest byte kept when that is
 * later: sub->cursor.offset says which. With spec->keep_tail a subscriber gets nothing but the tail. Returns 0, or -1
 * with *e: resource_exhausted. */
MUST_CHECK int exec_subscribe(struct exec *x, struct exec_sub *sub, const struct exec_sub_events *events,
                              uint64_t offset, struct err *e);

/* The subscriber wants no more; nothing happens when it is not subscribed. */
void exec_unsubscribe(struct exec_sub *sub);

enum exec_read { EXEC_AGAIN, EXEC_DATA, EXEC_END, EXEC_DROPPED, EXEC_NO_MEMORY };

/* What exec_read gave the subscriber is out, and not on its way any more. */
void exec_taken(struct exec_sub *sub);

/* The subscriber's next bytes, of one stream, at most `max`, appended to `out` by reference: they count as unread until
 * exec_taken. EXEC_END: it has read all there will be (sub->exec->exit says how the process ended). EXEC_DROPPED: it
 * was too slow; sub->cursor.offset is the first byte that it did not get. */
enum exec_read exec_read(struct exec_sub *sub, size_t max, struct chain *out, enum ring_stream *stream);

/* --- finding --------------------------------------------------------------------------------- */

/* A process that is RUNNING or EXITED, by pid or by tag (the last started one), or NULL. */
struct exec *exec_by_pid(const struct execs *t, pid_t pid);
struct exec *exec_by_tag(const struct execs *t, const char *tag);

/* A process in any state but SPAWNING by id, or in any state by idempotency key, or NULL. */
struct exec *exec_by_id(const struct execs *t, uint64_t id);
struct exec *exec_by_key(const struct execs *t, const char *key);

/* The newest remembered exit of that pid, tag, id or key, or NULL. Valid until the loop's next turn. */
const struct exec_past *exec_past_by_pid(struct execs *t, pid_t pid);
const struct exec_past *exec_past_by_tag(struct execs *t, const char *tag);
const struct exec_past *exec_past_by_id(struct execs *t, uint64_t id);
const struct exec_past *exec_past_by_key(struct execs *t, const char *key);

/* --- doing ----------------------------------------------------------------------------------- */

/* Moves bytes from `data` into the process's input: the pipe or terminal itself, then a queue. Returns how many
 * were taken; where some stay, the queue is full, and `wait` is told when it is not any more. -1: *e, internal:
 * there is no input, it is closed, or the process does not read any more. `terminal` says what the caller
 * thinks it is. */
ssize_t exec_write(struct exec *x, bool terminal, struct chain *data, struct exec_wait *wait, struct err *e);
void exec_wait_cancel(struct exec_wait *w);

/* Ends the input after what is queued. A terminal has no end: the first time its end-of-file character is typed, which a
 * reader in canonical mode takes for one (termios(3), VEOF), and again, with nothing typed in between, it is hung up: SIGHUP
 * to its foreground processes and the leader. 0, or -1 with *e: resource_exhausted. */
int exec_close_input(struct exec *x, struct err *e);

/* Resizes the terminal. -1 with *e (internal) when the process has none. */
int exec_resize(struct exec *x, uint16_t cols, uint16_t rows, struct err *e);

/* Sends a signal, and with grace_ms > 0 SIGKILL to what is left of the same target after that. -1 with *e: internal
 * (it has ended; errno), as the contract has it. */
int exec_signal(struct exec *x, int signo, enum exec_target target, uint32_t grace_ms, struct err *e);

/* Ends it as its spec's kill_target and grace_ms say, as soon as it runs; nothing happens when it has ended. */
void exec_kill(struct exec *x);

/* The processes are about to be frozen: new ones that would be, too, wait (FREEZE_QUEUE_MAX of them, then failed_precondition),
 * and no start that is under way takes too long. Opened, the gate lets them go, in order. */
void execs_shut_gate(struct execs *t);
void execs_open_gate(struct execs *t);

/* Forgets all exits and the output that is kept of them. */
void execs_forget(struct execs *t);

/* Stops taking new ones, and forgets the old ones. With a signal it is sent to everything that was started, trees included. */
void execs_stop(struct execs *t, int signo);

/* The pool's on_free: there is memory for output again. */
void execs_memory_free(struct execs *t);

/* "exit status 3", "signal: killed (core dumped)": Go's wording. out has room for 64 bytes. */
void exec_status_text(const struct exec_exit *e, char out[64]);

/* --- between the files of this folder -------------------------------------------------------- */

/* exec_gate.c */
MUST_CHECK int exec_gate_pass(struct exec *x, struct spawn *s,
                              struct err *e); /* now, or when it opens; -1: not at all */
void exec_gate_fail(struct execs *t);

/* exec_past.c */
void exec_past_init(struct execs *t);
void exec_past_add(struct exec *x);
void exec_past_forget(struct execs *t, pid_t pid, const char *tag);
void exec_keep(struct exec *x);
void exec_keep_not(struct exec *x);

/* exec_signal.c */
void exec_signal_init(struct exec *x);
void exec_signal_leader_gone(struct exec *x);
void exec_signal_stop(struct exec *x);
int exec_signal_tree(struct exec *x, int signo);

/* exec_sub.c */
void exec_sub_attach_tail(struct exec *x);

/* exec_output.c */
void exec_output_init(struct exec *x);
void exec_output_start(struct exec *x, struct spawn *s);
void exec_output_leader_gone(struct exec *x);
size_t exec_output_pending(const struct exec *x);
void exec_output_resume(struct exec *x);
bool exec_output_pull(struct exec *x);
void exec_output_joined(struct exec *x);
bool exec_output_ended(const struct exec *x);
void exec_output_stop(struct exec *x);
void exec_drop_sub(struct exec_sub *sub);

/* exec_input.c */
void exec_input_init(struct exec *x);
void exec_input_start(struct exec *x, struct spawn *s);
void exec_input_stop(struct exec *x);

/* exec.c */
void exec_notify(struct exec *x);
void exec_close(struct exec *x);
void exec_check(struct exec *x);

#endif
