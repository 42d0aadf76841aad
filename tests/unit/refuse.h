/* Kernels that lack a call, played by a seccomp filter. It cannot be taken off again, so a test refuses calls in a process of
 * its own only. */
#ifndef TESTS_UNIT_REFUSE_H
#define TESTS_UNIT_REFUSE_H

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

/* From now on the call with this number fails with the errno, in this process and what it starts. 0: nothing changes. */
static void refuse_call(int number, int errnum)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)errnum),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

    if (errnum && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0))
        _exit(99);
}

/* Runs fn in a process in which that call is refused. Returns its exit code, or -1. */
static __attribute__((unused)) int with_refused(int number, int errnum, int (*fn)(void))
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        refuse_call(number, errnum);
        _exit(fn());
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
