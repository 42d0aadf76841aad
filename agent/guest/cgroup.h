/* Control groups (v2): every process gets a leaf of its own, so that it can be killed, frozen and measured
 * with all its children.
 *
 *   R            --cgroup-root, or the agent's own cgroup, or the root of the cgroup2 mount
 *   R/agent      the agent itself, unless it is PID 1 or R is the true root
 *   R/user/<id>  a process; <id> is the exec's, never a pid
 *   R/ptys/<id>  a process with a terminal
 *
 * Two parents, so that envd's way of freezing "user" and "ptys" stays two writes. Without a cgroup2 that can
 * be written there are no leaves, and processes are told apart by session. Source:
 * Documentation/admin-guide/cgroup-v2.rst, clone(2) CLONE_INTO_CGROUP.
 *
 * Nothing is looked for or made before the first process needs it: a start-up would pay for what nobody may need, and moving
 * itself may wait for the kernel's grace period.
 *
 * Threads: cgroups_open, leaf_make and those of a class any; the rest on the loop. */
#ifndef GUEST_CGROUP_H
#define GUEST_CGROUP_H

#include <pthread.h>

#include "core/err.h"
#include "core/jobs.h"

enum cgroup_class { CGROUP_USER, CGROUP_PTYS, CGROUP_NONE };

struct cgroup_leaf; /* one that is being removed */
struct cgroup_kill; /* one that a worker kills */

struct cgroups {
    bool wanted; /* not --no-cgroups */
    const char *root_option;
    bool pid1;
    struct jobs *jobs;
    struct loop *loop;
    int inotify; /* of leaves that outlive their leader; opened at first need */
    ev_io io;
    LIST_HEAD(, cgroup_leaf) waiting;
    uint64_t removing; /* leaves handed to cgroup_leaf_remove and not gone yet, and those that workers kill */
    struct cgroup_leaf *spare;        /* for a removal that has no memory */
    LIST_HEAD(, cgroup_kill) killing; /* by workers */
    bool by_hand;                     /* there is no cgroup.kill: Linux before 5.14 */
    bool told;                        /* the log knows why there are none */

    pthread_mutex_t lock; /* of what follows */
    bool opened, enabled;
    struct err why; /* not enabled */
    char root[256];
    int dirs[2]; /* O_PATH, by class; the numbers do not change once opened */
};

/* Remembers what is wanted. `root` is --cgroup-root or NULL and must outlive *c; wanted = false: --no-cgroups. pid1: the
 * agent stays where it is. */
void cgroups_init(struct cgroups *c, struct loop *loop, struct jobs *jobs, bool wanted, const char *root,
                  bool pid1);

/* Finds R and makes it ready, the first time. Returns whether there is a usable cgroup2; if not, c->why says why. */
bool cgroups_open(struct cgroups *c);

/* Logs once why there are no leaves, if they were looked for and there are none. */
void cgroups_tell(struct cgroups *c);

/* Makes the leaf `id` and opens it (O_PATH); after cgroups_open said yes. Returns the descriptor, or -1 with errno. */
int cgroup_leaf_make(struct cgroups *c, enum cgroup_class k, const char *id);

/* Kills every process in the leaf and in cgroups below it. Where the kernel cannot (before 5.14) the leaf is frozen, all that is in it
 * gets SIGKILL, which ends the frozen, too, and a worker does so again until nobody is left, or LEAF_KILL_MS have passed. Returns 0
 * or -1 with errno (ENOENT: it is gone). */
int cgroup_leaf_kill(struct cgroups *c, enum cgroup_class k, const char *id);

/* Sends a signal to every process in the leaf, one by one: what forks meanwhile may escape. Returns 0 or
 * -1. */
int cgroup_leaf_signal(const struct cgroups *c, enum cgroup_class k, const char *id, int signo);

/* Whether the kernel has killed something in the leaf for want of memory; false without the memory controller. */
bool cgroup_leaf_oom(const struct cgroups *c, enum cgroup_class k, const char *id);

/* Tells the kernel to freeze or thaw all leaves of a class; freezing takes it a while. Returns 0 or -1 with errno. In a
 * worker: it may wait for others who change cgroups. */
int cgroup_class_freeze(const struct cgroups *c, enum cgroup_class k, bool freeze);

/* Whether all of a class is frozen by now: 1 or 0, or -1 when the kernel does not say. */
int cgroup_class_frozen(const struct cgroups *c, enum cgroup_class k);

/* Removes the leaf when nothing lives in it any more: now, or when that comes. */
void cgroup_leaf_remove(struct cgroups *c, enum cgroup_class k, const char *id);

/* Removes what the agent made, as far as it is empty; at its end. */
void cgroups_destroy(struct cgroups *c);

#endif
