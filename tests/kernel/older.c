/* older: becomes the program of its own name two directories further up, build/PRESET/guestd, which then finds a kernel that has nothing
 * newer than Linux 5.0, or a container's filter of that time: newer calls fail with REFUSAL (ENOSYS or EPERM), for the program and for
 * what it starts. Newer flags of older calls are unknown (EINVAL), and no cgroup has a cgroup.kill (ENOENT). That last takes a
 * supervisor, which PID 1, whose process it would be, does without.
 *
 * With ENOSYS four older calls are unknown, too, that kernels in user space or filters may lack. With EPERM they are not: the programs in
 * the guest would not work either. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "filtered.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

#define NEWER_CALLS    424 /* pidfd_send_signal of Linux 5.1: from it on all processors have the same numbers */
#define NEWER_ADVICE   25            /* MADV_COLLAPSE of 6.1 */
#define NEWER_MODULES  4             /* MODULE_INIT_COMPRESSED_FILE of 5.17 */
#define KILL_FILE      "cgroup.kill" /* of 5.14 */
#define ANSWER(errnum) (SECCOMP_RET_ERRNO | (errnum))

static struct sock_filter code[64];
static unsigned short length;

static void add(struct sock_filter step)
{
    if (length == LEN(code))
        filtered_give_up("the filter is too long");
    code[length++] = step;
}

static void load(uint32_t offset)
{
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

/* When the comparison (BPF_JEQ, BPF_JGE, BPF_JSET) of what was loaded is true, that is the end. */
static void end_if(uint16_t comparison, uint32_t number, uint32_t result)
{
    add((struct sock_filter)BPF_JUMP(BPF_JMP | comparison | BPF_K, number, 0, 1));
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, result));
}

/* The same of an argument (its lower half: both processors are little-endian) of one call; behind it the number is loaded again. */
static void end_call_if(uint32_t call, unsigned argument, uint16_t comparison, uint32_t number,
                        uint32_t result)
{
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4));
    load(offsetof(struct seccomp_data, args) + 8 * argument);
    end_if(comparison, number, result);
    load(offsetof(struct seccomp_data, nr));
}

static void make_filter(bool supervised)
{
    static const uint32_t also[] = {SYS_statx, SYS_copy_file_range, SYS_preadv2, SYS_pwritev2};

    load(offsetof(struct seccomp_data, nr)); /* whatever runs below us has our architecture */
    end_if(BPF_JGE, NEWER_CALLS, ANSWER(REFUSAL));
    for (size_t i = 0; i < LEN(also) && REFUSAL == ENOSYS; i++)
        end_if(BPF_JEQ, also[i], ANSWER(REFUSAL));
    end_call_if(SYS_madvise, 2, BPF_JEQ, NEWER_ADVICE, ANSWER(EINVAL));
    end_call_if(SYS_finit_module, 2, BPF_JSET, NEWER_MODULES, ANSWER(EINVAL));
    if (supervised) { /* by these cgroup.kill is written to, and looked for */
        end_call_if(SYS_openat, 2, BPF_JEQ, O_WRONLY | O_CLOEXEC, SECCOMP_RET_USER_NOTIF);
        end_call_if(SYS_faccessat, 2, BPF_JEQ, F_OK, SECCOMP_RET_USER_NOTIF);
#ifdef SYS_access
        end_call_if(SYS_access, 1, BPF_JEQ, F_OK, SECCOMP_RET_USER_NOTIF);
#endif
    }
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

/* Which argument is the path. */
static unsigned path_argument(int call)
{
#ifdef SYS_access
    if (call == SYS_access)
        return 0;
#endif
    (void)call;
    return 1;
}

/* Whether the call's path ends in the name. */
static bool names_kill_file(const struct seccomp_notif *n)
{
    char path[PATH_MAX] = "";
    uintptr_t address = n->data.args[path_argument(n->data.nr)];
    struct iovec ours = {path, sizeof path - 1};
    /* In pieces: the end of a page may be the end of what is mapped. */
    size_t first = 4096 - address % 4096;
    struct iovec theirs[2] = {{(void *)address, first}, {(void *)(address + first), 4096}};
    size_t len;

    if (process_vm_readv((pid_t)n->pid, &ours, 1, theirs, 2, 0) <= 0)
        return false;
    len = strlen(path);
    return len >= strlen(KILL_FILE) && strcmp(path + len - strlen(KILL_FILE), KILL_FILE) == 0;
}

static void on_call(int listener)
{
    struct seccomp_notif n = {0};
    struct seccomp_notif_resp r = {0};

    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0)
        return; /* its caller was killed */
    r.id = n.id;
    if (names_kill_file(&n))
        r.error = -ENOENT;
    else
        r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

/* In a session of its own and without the program's descriptors: nobody who waits for the program waits for it. */
static void supervise(pid_t program, int listener)
{
    struct pollfd fd = {.events = POLLIN};

    (void)program;
    setsid();
    fd.fd = dup2(listener, 0);
    close_range(1, ~0U, 0);
    while (poll(&fd, 1, -1) >= 0 && (fd.revents & POLLIN))
        on_call(fd.fd);
}

int main(int argc, char **argv)
{
    char program[PATH_MAX] = "", *name;
    struct sock_fprog filter = {.filter = code};
    bool supervised = getpid() != 1;

    (void)argc;
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        filtered_give_up("/proc/self/exe");
    name = strrchr(program, '/') + 1;
    memmove(name + strlen("../../"), name, strlen(name) + 1); /* PATH_MAX is more than any path of a build */
    memcpy(name, "../../", strlen("../../"));
    make_filter(supervised);
    filter.len = length;
    filtered_exec(program, argv, &filter, supervised ? supervise : NULL);
}
