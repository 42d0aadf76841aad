#include "ctl/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    char name[PATH_MAX];
    volatile sig_atomic_t used;
} temps[TEMP_MAX];

/* unlink, signal and raise are async-signal-safe (signal-safety(7)). */
static void on_fatal(int signo)
{
    for (int i = 0; i < TEMP_MAX; i++)
        if (temps[i].used)
            unlink(temps[i].name);
    signal(signo, SIG_DFL);
    raise(signo);
}

static void watch_signals(void)
{
    static const int fatal[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGABRT, SIGSEGV, SIGBUS};
    static bool watched;

    for (size_t i = 0; !watched && i < ARRAY_LEN(fatal); i++)
        if (signal(fatal[i], on_fatal) == SIG_IGN)
            signal(fatal[i], SIG_IGN); /* nohup(1) */
    watched = true;
}

int temp_make(const char *path, int *temp)
{
    const char *slash = strrchr(path, '/');
    int i = 0, fd;

    while (i < TEMP_MAX && temps[i].used)
        i++;
    if (i == TEMP_MAX) {
        errno = EMFILE;
        return -1;
    }
    if (snprintf(temps[i].name, sizeof temps[i].name, "%.*s.guestctl-%d-%d",
                 slash ? (int)(slash + 1 - path) : 0, path, (int)getpid(), i) >= (int)sizeof temps[i].name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    watch_signals();
    temps[i].used = 1;
    fd = open(temps[i].name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        temps[i].used = 0;
    *temp = i;
    return fd;
}

const char *temp_name(int temp)
{
    return temps[temp].name;
}

void temp_forget(int temp)
{
    temps[temp].used = 0;
}

void temp_remove(int temp)
{
    unlink(temps[temp].name);
    temp_forget(temp);
}
