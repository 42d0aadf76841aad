/* Starting a child that shares our memory until it execs, with everything that only the kernel can do without
 * a race: into its cgroup, with default signal handlers, its pid written down before it runs. The one place
 * that knows the processor. */
#ifndef GUEST_EXEC_CLONE_H
#define GUEST_EXEC_CLONE_H

#include <sys/types.h>

#include "core/base.h"

/* Runs fn(arg) in a child on the given stack; the calling thread waits until the child execs or ends (vfork).
 * fn must not return; it may use nothing but system calls. *pid is set before fn runs. cgroup: an O_PATH
 * descriptor of the leaf to start in, or -1. *in_cgroup tells fn (it reads it through arg) whether the kernel
 * put it there; where it did not, fn has to write to cgroup.procs itself. Returns 0, or -1 with errno.
 * Source: clone(2), and Documentation/admin-guide/cgroup-v2.rst for CLONE_INTO_CGROUP. */
int clone_child(int (*fn)(void *), void *arg, void *stack, size_t stack_size, int cgroup, pid_t *pid,
                bool *in_cgroup);

#endif
