#include "guest/exec/clone.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/sched.h>

#include "core/arch.h"
#include "core/kernel.h"

int clone_child(int (*fn)(void *), void *arg, void *stack, size_t stack_size, int cgroup, bool share_fds,
                pid_t *pid, bool *as_asked)
{
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CLEAR_SIGHAND,
        .parent_tid = (uintptr_t)pid,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)stack,
        .stack_size = stack_size,
    };
    pid_t child;

    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    if (share_fds)
        args.flags |= CLONE_FILES;
    *as_asked = kernel_has(KERNEL_CLONE3);
    if (*as_asked && arch_clone3(&args, sizeof args, fn, arg) >= 0)
        return 0;
    /* No such call (before 5.3, a seccomp filter), or not these flags (before 5.7). */
    if (*as_asked && !kernel_lacks(KERNEL_CLONE3, errno) && errno != ENOSYS)
        return -1;
    *as_asked = false;
    child = clone(fn, (char *)stack + stack_size, CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD, arg,
                  pid);
    if (child < 0)
        return -1;
    *pid = child; /* as the kernel has done; qemu-user, which forks instead, has not */
    return 0;
}
