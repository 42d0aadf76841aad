/* failcall: becomes another program, of which a test can make system calls fail: the n-th of a kind, with an
 * errno. The program is static, so nothing can be preloaded into it; a seccomp filter hands the calls to a
 * supervisor instead, which lets them pass or answers in the kernel's place (seccomp_unotify(2)).
 *
 *   FAILCALL_PROGRAM  what to become; the arguments are passed on
 *   FAILCALL_CALLS    the calls that may fail: names, separated by commas
 *   FAILCALL_CONTROL  a descriptor: a SOCK_SEQPACKET socket to the test
 *
 * The test sends "arm agent|child CALL N TIMES ERRNO [TEXT]": the n-th call and those behind it fail, TIMES in all. It
 * counts those of the program itself, or those of its children (between clone and execve they are the program's code),
 * and with TEXT those whose path contains it. "end" disarms. Each is answered with "SEEN FAILED" of what was armed
 * before. The supervisor ends when nobody is left under the filter. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "filtered.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

/* What libc calls where there is no older call of that name. */
#ifdef SYS_rename
#define MKDIR  SYS_mkdir, 0
#define RENAME SYS_rename, 0
#else
#define MKDIR  SYS_mkdirat, 1
#define RENAME SYS_renameat, 1
#endif

enum { NO_PATH = -1 };

static const struct call {
    const char *name;
    int number;
    int path; /* which argument is one */
} calls[] = {
    {"accept4", SYS_accept4, NO_PATH},
    {"chdir", SYS_chdir, 0},
    {"clone", SYS_clone, NO_PATH},
    {"clone3", SYS_clone3, NO_PATH},
    {"close", SYS_close, NO_PATH},
    {"close_range", SYS_close_range, NO_PATH},
    {"connect", SYS_connect, NO_PATH},
    {"copy_file_range", SYS_copy_file_range, NO_PATH},
    {"dup3", SYS_dup3, NO_PATH},
    {"epoll_ctl", SYS_epoll_ctl, NO_PATH},
    {"execve", SYS_execve, 0},
    {"fchmod", SYS_fchmod, NO_PATH},
    {"fchown", SYS_fchown, NO_PATH},
    {"fcntl", SYS_fcntl, NO_PATH},
    {"fsync", SYS_fsync, NO_PATH},
    {"ftruncate", SYS_ftruncate, NO_PATH},
    {"getdents64", SYS_getdents64, NO_PATH},
    {"getrandom", SYS_getrandom, NO_PATH},
    {"getsockopt", SYS_getsockopt, NO_PATH},
    {"inotify_add_watch", SYS_inotify_add_watch, 1},
    {"inotify_init1", SYS_inotify_init1, NO_PATH},
    {"ioctl", SYS_ioctl, NO_PATH},
    {"ioprio_set", SYS_ioprio_set, NO_PATH},
    {"linkat", SYS_linkat, 3},
    {"memfd_create", SYS_memfd_create, NO_PATH},
    {"mkdir", MKDIR},
    {"mkdirat", SYS_mkdirat, 1},
    {"mount", SYS_mount, 1},
    {"newfstatat", SYS_newfstatat, 1},
    {"openat", SYS_openat, 1},
    {"openat2", SYS_openat2, 1},
    {"pipe2", SYS_pipe2, NO_PATH},
    {"prctl", SYS_prctl, NO_PATH},
    {"preadv", SYS_preadv, NO_PATH},
    {"preadv2", SYS_preadv2, NO_PATH},
    {"prlimit64", SYS_prlimit64, NO_PATH},
    {"pwrite64", SYS_pwrite64, NO_PATH},
    {"readv", SYS_readv, NO_PATH},
    {"recvfrom", SYS_recvfrom, NO_PATH},
    {"recvmsg", SYS_recvmsg, NO_PATH},
    {"rename", RENAME},
    {"renameat", SYS_renameat, 1},
    {"sendmsg", SYS_sendmsg, NO_PATH},
    {"sendto", SYS_sendto, NO_PATH},
    {"setgroups", SYS_setgroups, NO_PATH},
    {"setpriority", SYS_setpriority, NO_PATH},
    {"setresgid", SYS_setresgid, NO_PATH},
    {"setresuid", SYS_setresuid, NO_PATH},
    {"setsid", SYS_setsid, NO_PATH},
    {"shutdown", SYS_shutdown, NO_PATH},
    {"socket", SYS_socket, NO_PATH},
    {"socketpair", SYS_socketpair, NO_PATH},
    {"statx", SYS_statx, 1},
    {"unlinkat", SYS_unlinkat, 1},
    {"writev", SYS_writev, NO_PATH},
};

#define CODE_MAX (2 * LEN(calls) + 2)

static int control; /* the socket to the test */

/* What the test asked for. */
static struct {
    const struct call *call; /* NULL: nothing */
    bool child;
    unsigned first, times;
    int error;
    char text[64];
    unsigned seen, failed;
} armed;

static const struct call *find_call(const char *name)
{
    for (size_t i = 0; i < LEN(calls); i++)
        if (strcmp(calls[i].name, name) == 0)
            return &calls[i];
    errno = ENOENT;
    filtered_give_up(name);
}

/* --- the filter ------------------------------------------------------------------------------ */

/* The named calls go to the supervisor, all others to the kernel. Every program below us has our architecture, so a number says
 * which call it is. Returns how long the code is. */
static unsigned short make_filter(char *names, struct sock_filter code[CODE_MAX])
{
    unsigned short n = 0;

    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
        if (n + 3u > CODE_MAX)
            filtered_give_up("more calls than there are");
        code[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)find_call(name)->number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return n;
}

/* --- the supervisor -------------------------------------------------------------------------- */

static bool is_thread_of(pid_t program, unsigned thread)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/task/%u", program, thread);
    return access(path, F_OK) == 0;
}

static bool has_text(const struct seccomp_notif *n)
{
    char path[256] = "";
    struct iovec ours = {path, sizeof path - 1};
    uintptr_t address = n->data.args[armed.call->path];
    struct iovec theirs = {(void *)address, sizeof path - 1};

    /* The end of the page may be the end of what is mapped. */
    if (process_vm_readv((pid_t)n->pid, &ours, 1, &theirs, 1, 0) <= 0) {
        ours.iov_len = theirs.iov_len =
            4096 - address % 4096 < sizeof path ? 4096 - address % 4096 : sizeof path - 1;
        if (process_vm_readv((pid_t)n->pid, &ours, 1, &theirs, 1, 0) <= 0)
            return false;
    }
    return strstr(path, armed.text) != NULL;
}

/* The errno for this call, or 0: it may pass. */
static int verdict(pid_t program, const struct seccomp_notif *n)
{
    if (!armed.call || armed.call->number != n->data.nr || is_thread_of(program, n->pid) == armed.child)
        return 0;
    if (armed.text[0] && !has_text(n))
        return 0;
    armed.seen++;
    if (armed.seen < armed.first || armed.seen >= armed.first + armed.times)
        return 0;
    armed.failed++;
    return armed.error;
}

static void on_call(int listener, pid_t program)
{
    struct seccomp_notif n = {0};
    struct seccomp_notif_resp r = {0};

    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0)
        return; /* its caller was killed */
    r.id = n.id;
    r.error = -verdict(program, &n);
    if (r.error == 0)
        r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

/* One order of the test. Returns false when it has closed its end. */
static bool on_order(void)
{
    char order[256], scope[8], name[24], answer[64];
    ssize_t n = recv(control, order, sizeof order - 1, 0);
    int length;

    if (n <= 0)
        return false;
    order[n] = 0;
    length = snprintf(answer, sizeof answer, "%u %u", armed.seen, armed.failed);
    memset(&armed, 0, sizeof armed);
    if (sscanf(order, "arm %7s %23s %u %u %d %63s", scope, name, &armed.first, &armed.times, &armed.error,
               armed.text) >= 5) {
        armed.call = find_call(name);
        armed.child = strcmp(scope, "child") == 0;
    }
    return send(control, answer, (size_t)length, 0) == length;
}

static void supervise(pid_t program, int listener)
{
    struct pollfd fds[2] = {{.fd = listener, .events = POLLIN}, {.fd = control, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) < 0)
            filtered_give_up("poll");
        if (fds[0].revents & POLLIN)
            on_call(listener, program);
        else if (fds[0].revents)
            return; /* nobody is left under the filter */
        if (fds[1].revents && !on_order())
            fds[1].fd = -1;
    }
}

int main(int argc, char **argv)
{
    char *program = getenv("FAILCALL_PROGRAM"), *names = getenv("FAILCALL_CALLS"),
         *fd = getenv("FAILCALL_CONTROL");
    struct sock_filter code[CODE_MAX];
    struct sock_fprog filter = {.filter = code};

    if (argc < 1 || !program || !names || !fd) {
        fputs("failcall: FAILCALL_PROGRAM, FAILCALL_CALLS and FAILCALL_CONTROL are needed\n", stderr);
        return 2;
    }
    control = atoi(fd);
    fcntl(control, F_SETFD, FD_CLOEXEC);
    filter.len = make_filter(names, code);
    unsetenv("FAILCALL_PROGRAM");
    unsetenv("FAILCALL_CALLS");
    unsetenv("FAILCALL_CONTROL");
    filtered_exec(strdup(program), argv, &filter, supervise);
}
