#include "init/entrypoint.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/signals.h"
#include "init/guard.h"

/* Not forwarded: what the kernel sends us for what we do ourselves, children of ours, and job control of our terminal. */
static const int kept[] = {
    SIGABRT, SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGPIPE, SIGSEGV, SIGSYS, SIGTRAP, SIGTTIN, SIGTTOU,
};

static void on_signal(struct ev_loop *ev, ev_io *w, int revents)
{
    struct entrypoint *p = w->data;
    struct signalfd_siginfo info;

    (void)ev;
    (void)revents;
    while (read(p->signal_fd, &info, sizeof info) == sizeof info)
        if (p->pid > 0)
            kill(p->pid, (int)info.ssi_signo);
}

int entrypoint_init(struct entrypoint *p, struct loop *loop, struct err *e)
{
    sigset_t set;

    *p = (struct entrypoint){.loop = loop};
    sigfillset(&set);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        sigdelset(&set, kept[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    p->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (p->signal_fd < 0)
        return err_set(e, STATUS_INTERNAL, errno, "signalfd");
    ev_io_init(&p->signals, on_signal, p->signal_fd, EV_READ);
    p->signals.data = p;
    ev_io_start(loop->ev, &p->signals);
    return 0;
}

/* The terminal's foreground is the program's group; to take it from the background stops whoever has not blocked SIGTTOU. */
static void take_terminal(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, NULL);
    tcsetpgrp(STDIN_FILENO, getpgrp()); /* ENOTTY: there is none */
}

/* In the child, which has one thread and shares no memory. */
static _Noreturn void run(char **argv, bool front, bool guarded, const struct rlimit *nofile)
{
    uint64_t ignored = signals_ignored();
    sigset_t none;

    setpgid(0, 0);
    if (front)
        take_terminal();
    setrlimit(RLIMIT_NOFILE, nofile);
    if (guarded)
        guard_undo();
    for (int s = 1; s < _NSIG; s++)
        if (ignored >> (s - 1) & 1)
            signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(argv[0], argv);
    dprintf(STDERR_FILENO, "guestd: exec: %s: %s\n", argv[0], errno_text(errno));
    _exit(errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 127 : 126);
}

int entrypoint_start(struct entrypoint *p, char **argv, const struct rlimit *nofile, struct err *e)
{
    bool front = tcgetpgrp(STDIN_FILENO) == getpgrp();
    pid_t pid = fork();

    if (pid < 0)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "start '%s'", argv[0]);
    if (pid == 0)
        run(argv, front, p->guarded, nofile);
    p->pid = pid;
    return 0;
}

bool entrypoint_reaped(struct entrypoint *p, pid_t pid, int status)
{
    if (pid != p->pid)
        return false;
    p->pid = 0;
    p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    p->ended(p);
    return true;
}
