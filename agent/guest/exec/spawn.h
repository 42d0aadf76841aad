/* A spawn: one process being started, in a worker thread. It is a job (core/jobs.h) whose data is plain: the
 * spec and a snapshot of the settings in, descriptors and an error out.
 *
 * Only the worker waits for the child's execve: a frozen cgroup or a hung mount under the working directory
 * or the program stops that thread and nothing else. The kernel writes the pid into the spawn before the
 * child runs, so the reaper can tell whose a child is that dies before the job is done.
 *
 * A program that cannot be run is no failure: the child exists, its standard error says why, and it ends with
 * 127 or 126, as from a shell. */
#ifndef GUEST_EXEC_SPAWN_H
#define GUEST_EXEC_SPAWN_H

#include <sys/resource.h>

#include "core/jobs.h"
#include "core/ticket.h"
#include "guest/cgroup.h"
#include "guest/exec/lowfds.h"
#include "guest/exec/spec.h"
#include "guest/settings.h"

struct execs;

/* What of the agent's own state a child must not inherit; the same for all spawns. */
struct spawn_surroundings {
    struct cgroups *cgroups;
    int null_fd;          /* /dev/null, read-write */
    struct lowfds *low;   /* numbers for what it may keep; NULL: none */
    struct rlimit nofile; /* as the agent found it at its start */
    bool reset_nofile;    /* the agent has raised its own */
    bool reset_nice;      /* the agent's is another than 0 */
    uid_t uid;            /* the agent's */
};

/* The step that failed; names are for people and for guest.v1.SpawnFailure. */
enum spawn_stage {
    SPAWN_OK,
    SPAWN_USER,
    SPAWN_CWD,
    SPAWN_ENVIRONMENT,
    SPAWN_CGROUP,
    SPAWN_PIPE,
    SPAWN_PTY,
    SPAWN_CLONE,
    SPAWN_SESSION,
    SPAWN_NICE,
    SPAWN_LIMIT,
    SPAWN_PRIVILEGES,
    SPAWN_GROUPS,
    SPAWN_GID,
    SPAWN_UID,
    SPAWN_CHDIR,
    SPAWN_EXEC,
    SPAWN_TIMEOUT,
};

struct spawn {
    struct job job;
    LIST_ENTRY(spawn) link; /* of the spawns in flight; the loop's */
    struct execs *table;    /* the loop's */
    const struct spawn_surroundings *around;
    struct exec_spec *spec;
    struct guest_env *env;
    enum cgroup_class class; /* CGROUP_NONE: no leaf */
    char id[24];             /* of the leaf */
    ticket ticket;           /* of the exec that waits for it */

    /* Results; valid in `done`. */
    pid_t pid;     /* written by the kernel, read by the loop with __atomic_load_n; 0: no child yet */
    int input;     /* write end of standard input, or -1 */
    int output[2]; /* read ends of stdout and stderr; with a terminal the master and -1 */
    bool leaf_made;
    enum spawn_stage stage; /* SPAWN_OK: there is a child with this pid (even if its program cannot be run) */
    struct err error;
    char object[128]; /* what the failure was about */

    /* The loop's: the child died before the job was done. */
    bool reaped;
    int status;
    struct rusage rusage;
};

/* A spawn for jobs_submit; the caller sets job.done, id and ticket. Takes the spec over, and a reference to
 * env. NULL: out of memory, nothing was taken. */
struct spawn *spawn_new(const struct spawn_surroundings *around, struct exec_spec *spec,
                        struct guest_env *env, enum cgroup_class class);

/* Closes what was not taken over, and frees. */
void spawn_free(struct spawn *s);

const char *spawn_stage_name(enum spawn_stage stage);

#endif
