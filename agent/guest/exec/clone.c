#include "guest/exec/clone.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/sched.h>

#include "core/kernel.h"

/* glibc 2.36 has no public clone3, and syscall(2) would return twice on one stack: in the child it would run
 * through the frame that the parent still needs. So the child never returns here: it calls fn on its own
 * stack. */
#if defined(__x86_64__)
static long clone3_call(const struct clone_args *args, int (*fn)(void *), void *arg)
{
    register int (*r8)(void *) __asm__("r8") = fn;
    register void *r9 __asm__("r9") = arg;
    long ret = SYS_clone3;

    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%ebp, %%ebp\n\t" /* the outermost frame */
                     "movq %%r9, %%rdi\n\t"
                     "callq *%%r8\n\t"
                     "hlt\n" /* fn does not return */
                     "1:"
                     : "+a"(ret)
                     : "D"(args), "S"(sizeof *args), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (ret < 0) {
        errno = (int)-ret;
        return -1;
    }
    return ret;
}
#else
static long clone3_call(const struct clone_args *args, int (*fn)(void *), void *arg)
{
    (void)args;
    (void)fn;
    (void)arg;
    errno = ENOSYS; /* the older call below does the same in more steps */
    return -1;
}
#endif

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

    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    if (share_fds)
        args.flags |= CLONE_FILES;
    *as_asked = kernel_has(KERNEL_CLONE3);
    if (*as_asked && clone3_call(&args, fn, arg) >= 0)
        return 0;
    /* No such call (before 5.3, other processors, a seccomp filter), or not these flags (before 5.7). */
    if (*as_asked && !kernel_lacks(KERNEL_CLONE3, errno) && errno != ENOSYS)
        return -1;
    *as_asked = false;
    return clone(fn, (char *)stack + stack_size, CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD, arg,
                 pid) < 0
               ? -1
               : 0;
}
