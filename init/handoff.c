#include "init/handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fd.h"

#define CGROUP "/sys/fs/cgroup/guestd"

/* Best effort: without it the agent is where the init puts it. */
static void enter_cgroup(void)
{
    CLEANUP_FD int fd = -1;

    if (mkdir(CGROUP, 0755) < 0 && errno != EEXIST)
        return;
    fd = open(CGROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, "0", 1);
}

/* Waits until the other end of the pipe is closed by execve, or says why that failed. Returns whether PID 1 is another program
 * now; one whose file does not come within HANDOFF_MS may become it later. */
static bool init_runs(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;

    return RETRY_EINTR(poll(&p, 1, HANDOFF_MS)) == 0 || RETRY_EINTR(read(fd, &byte, 1)) != 1;
}

/* Becomes the init. Returns the error number when that fails. */
static int become(char **argv)
{
    sigset_t none, before;
    int errnum;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, &before);
    reboot(RB_ENABLE_CAD);
    execv(argv[0], argv);
    errnum = errno;
    reboot(RB_DISABLE_CAD);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return errnum;
}

void handoff_to(char **argv, struct boot *b)
{
    int pipes[2], errnum;
    pid_t child = pipe2(pipes, O_CLOEXEC) == 0 ? fork() : -1;

    if (child < 0) {
        boot_problem(b, "handoff to '%s': %s", argv[0], errno_text(errno));
        return;
    }
    if (child == 0) {
        close(pipes[1]);
        if (!init_runs(pipes[0]))
            _exit(0);
        close(pipes[0]);
        setsid();
        enter_cgroup();
        return;
    }
    errnum = become(argv);
    (void)!write(pipes[1], "", 1);
    close(pipes[0]);
    close(pipes[1]);
    waitpid(child, NULL, 0);
    boot_problem(b, "handoff to '%s': %s", argv[0], errno_text(errnum));
}
