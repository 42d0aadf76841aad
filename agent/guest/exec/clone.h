/* Starting a child that shares our memory until it execs, with everything that only the kernel can do without
 * a race: into its cgroup, with default signal handlers, its pid written down before it runs. */
#ifndef GUEST_EXEC_CLONE_H
#define GUEST_EXEC_CLONE_H

#include <sys/types.h>

#include "core/base.h"

/* Runs fn(arg) in a child on the given stack; the calling thread waits until the child execs or ends (vfork).
 * fn must not return; it may use nothing but system calls. *pid is set before fn runs. cgroup: an O_PATH
 * descriptor of the leaf to start in, or -1. share_fds: the child begins in the agent's own table of
 * descriptors; fn has to leave that (close_range with CLOSE_RANGE_UNSHARE) before it opens or closes one.
 * *as_asked tells fn (it reads it through arg) whether the kernel did both; where it did not, the child has a
 * copy of the table, and fn has to write to cgroup.procs itself. Returns 0, or -1 with errno.
 * Source: clone(2), and Documentation/admin-guide/cgroup-v2.rst for CLONE_INTO_CGROUP. */
int clone_child(int (*fn)(void *), void *arg, void *stack, size_t stack_size, int cgroup, bool share_fds,
                pid_t *pid, bool *as_asked);

#endif
