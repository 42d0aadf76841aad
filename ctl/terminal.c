#include "ctl/terminal.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static volatile sig_atomic_t raw;

void terminal_restore(void)
{
    if (!raw)
        return;
    raw = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

/* A signal that kills us must not leave the shell with a raw terminal. tcsetattr is async-signal-safe
 * (signal-safety(7)). */
static void on_fatal(int signo)
{
    if (raw) {
        raw = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
    signal(signo, SIG_DFL);
    raise(signo);
}

int terminal_raw(struct err *e)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGQUIT, SIGPIPE};
    struct termios t;

    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return err_set(e, STATUS_FAILED_PRECONDITION, errno, "standard input is not a terminal");
    t = before;
    cfmakeraw(&t);
    atexit(terminal_restore);
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
        signal(fatal[i], on_fatal);
    raw = 1;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &t) < 0) {
        raw = 0;
        return err_set(e, STATUS_INTERNAL, errno, "make the terminal raw");
    }
    return 0;
}

void terminal_size(uint16_t *cols, uint16_t *rows)
{
    struct winsize size;

    *cols = 80;
    *rows = 24;
    if ((ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) &&
        size.ws_col) {
        *cols = size.ws_col;
        *rows = size.ws_row;
    }
}
