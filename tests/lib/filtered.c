#include "filtered.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/seccomp.h>

enum { NONE = -1, TAKEN = -2, UNDER_ONE = -3 }; /* of the listener, beside its number */

_Noreturn void filtered_give_up(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    _exit(2);
}

/* A grandchild, so that the program does not find a child it never made. It hears of the listener through memory and
 * fetches it itself: under the filter a call that sends it could wait for the very supervisor that it is for. */
static void start_supervisor(volatile int *listener, void (*supervise)(pid_t program, int listener))
{
    pid_t program = getpid(), pid = fork();
    int pidfd, fd;

    if (pid < 0)
        filtered_give_up("fork");
    if (pid > 0) {
        waitpid(pid, NULL, 0);
        return;
    }
    if (fork() != 0)
        _exit(0);
    while (*listener == NONE)
        usleep(100);
    if (*listener == UNDER_ONE)
        _exit(0);
    pidfd = (int)syscall(SYS_pidfd_open, program, 0);
    fd = (int)syscall(SYS_pidfd_getfd, pidfd, *listener, 0);
    if (fd < 0)
        filtered_give_up("pidfd_getfd");
    close(pidfd);
    *listener = TAKEN;
    supervise(program, fd);
    _exit(0);
}

/* Returns the listener, or 0 without one. */
static int install(const struct sock_fprog *code, unsigned flags)
{
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, code);

    if (fd < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) /* we are not root */
        fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, code);
    if (fd < 0 && errno == EBUSY) /* whoever started us is under such a filter, and so are we */
        return UNDER_ONE;
    if (fd < 0)
        filtered_give_up("seccomp");
    return fd;
}

_Noreturn void filtered_exec(const char *program, char **argv, const struct sock_fprog *code,
                             void (*supervise)(pid_t program, int listener))
{
    volatile int *listener =
        mmap(NULL, sizeof *listener, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (listener == MAP_FAILED)
        filtered_give_up("mmap");
    *listener = NONE;
    if (supervise)
        start_supervisor(listener, supervise);
    *listener = install(code, supervise ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
    while (supervise && *listener != TAKEN && *listener != UNDER_ONE) /* ours closes at exec */
        usleep(100);
    execv(program, argv);
    filtered_give_up(program);
}
