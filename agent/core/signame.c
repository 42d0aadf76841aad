#include "core/signame.h"

#include <signal.h>
#include <stdio.h>

/* syscall/zerrors_linux_amd64.go. */
static const char *const names[] = {
    [SIGHUP] = "hangup",
    [SIGINT] = "interrupt",
    [SIGQUIT] = "quit",
    [SIGILL] = "illegal instruction",
    [SIGTRAP] = "trace/breakpoint trap",
    [SIGABRT] = "aborted",
    [SIGBUS] = "bus error",
    [SIGFPE] = "floating point exception",
    [SIGKILL] = "killed",
    [SIGUSR1] = "user defined signal 1",
    [SIGSEGV] = "segmentation fault",
    [SIGUSR2] = "user defined signal 2",
    [SIGPIPE] = "broken pipe",
    [SIGALRM] = "alarm clock",
    [SIGTERM] = "terminated",
};

void signame_text(int signo, char out[SIGNAME_MAX])
{
    if (signo > 0 && (size_t)signo < ARRAY_LEN(names) && names[signo])
        snprintf(out, SIGNAME_MAX, "%s", names[signo]);
    else
        snprintf(out, SIGNAME_MAX, "signal %d", signo);
}

int signame_number(struct bytes name)
{
    int n = 0;

    for (size_t i = 1; i < ARRAY_LEN(names); i++)
        if (names[i] && bytes_are(name, names[i]))
            return (int)i;
    if (name.len < 8 || name.len > 9 || memcmp(name.ptr, "signal ", 7) != 0)
        return 0;
    for (size_t i = 7; i < name.len; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9')
            return 0;
        n = n * 10 + (name.ptr[i] - '0');
    }
    return n;
}
