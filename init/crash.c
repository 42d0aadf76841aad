#include "init/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/arch.h"
#include "core/build.h"
#include "core/fd.h"
#include "core/image.h"

#define STACK_SIZE (16 * KIB)

static const struct {
    int signo;
    const char *name;
} caught[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGILL, "SIGILL"}, {SIGFPE, "SIGFPE"}, {SIGABRT, "SIGABRT"},
};

/* --- the line: nothing in it may allocate or take a lock (signal-safety(7)) ------------------ */

struct line {
    char text[256];
    size_t len;
};

static void put(struct line *l, const char *s)
{
    while (*s && l->len < sizeof l->text)
        l->text[l->len++] = *s++;
}

static void put_number(struct line *l, uintptr_t v, unsigned base)
{
    char digits[24];
    size_t n = sizeof digits;

    digits[--n] = 0;
    do
        digits[--n] = "0123456789abcdef"[v % base];
    while ((v /= base) > 0);
    put(l, digits + n);
}

/* --- who we are: looked up before anything goes wrong ---------------------------------------- */

static const char *build = ""; /* its id; empty: there is none */
static uintptr_t moved;        /* from the addresses that addr2line knows */
static bool ours;              /* the machine is */

/* --- the handler ----------------------------------------------------------------------------- */

static void tell(int signo, const siginfo_t *info, const ucontext_t *u)
{
    struct line l = {.len = 0};

    put(&l, "guestd: crash: ");
    for (size_t i = 0; i < ARRAY_LEN(caught); i++)
        if (caught[i].signo == signo)
            put(&l, caught[i].name);
    if (info->si_code > 0) { /* the kernel's: a fault, not a kill(2) */
        put(&l, " at 0x");
        put_number(&l, (uintptr_t)info->si_addr, 16);
    } else {
        put(&l, " from pid ");
        put_number(&l, (uintptr_t)info->si_pid, 10);
    }
    put(&l, ", ip guestd+0x");
    put_number(&l, arch_instruction(u) - moved, 16);
    put(&l, ", build id ");
    put(&l, *build ? build : "none");
    put(&l, "\n");
    (void)!write(STDERR_FILENO, l.text, l.len);
}

/* A restart would cut off what a serial console has not sent yet. */
static void drain_console(void)
{
    int left = 0;

    for (int i = 0; i < 20 && ioctl(STDERR_FILENO, TIOCOUTQ, &left) == 0 && left > 0; i++)
        poll(NULL, 0, 10);
}

static void on_crash(int signo, siginfo_t *info, void *context)
{
    if (syscall(SYS_getpid) != 1) { /* a child on its way to its program, in our memory */
        signal(signo, SIG_DFL);
        if (info->si_code <= 0)
            raise(signo);
        return; /* a fault comes again */
    }
    tell(signo, info, context);
    if (ours) {
        drain_console();
        reboot(RB_AUTOBOOT);
    }
    _exit(128 + signo); /* the kernel panics, or the container ends */
}

void crash_catch(void)
{
    static _Alignas(16) uint8_t stack[STACK_SIZE];
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};

    build = build_id();
    moved = image_moved_by();
    sigaltstack(&other, NULL);
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_LEN(caught); i++)
        sigaction(caught[i].signo, &action, NULL);
}

void crash_let_panic_restart(bool own, struct boot *b)
{
    CLEANUP_FD int fd = -1;
    char text[16] = "";

    ours = own;
    if (!ours)
        return;
    fd = open("/proc/sys/kernel/panic", O_RDWR | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0 || (text[0] == '0' && pwrite(fd, "1", 1, 0) < 0))
        boot_problem(b, "set kernel.panic to 1: %s", errno_text(errno));
}
