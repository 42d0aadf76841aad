#include "core/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/close_range.h>
#include <linux/openat2.h>
#include <linux/sched.h>

static atomic_bool lacking[KERNEL_CALLS];

/* An address that nothing is at: the kernel looks there only after it has found that it knows the size and the flags. */
static long probe_clone3(void)
{
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND, .cgroup = 1, .set_tid = 1, .set_tid_size = 1};

    return syscall(SYS_clone3, &args, sizeof args);
}

/* Nothing is that high: there is nothing to close. For one thread there is nothing to unshare, for several a copy of the table. */
static long probe_close_range(void)
{
    return syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_UNSHARE);
}

static long probe_cloexec_range(void)
{
    return syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_CLOEXEC);
}

static long probe_openat2(void)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_CACHED};

    return syscall(SYS_openat2, AT_FDCWD, "", &how, sizeof how);
}

static long probe_statx(void)
{
    struct statx x;

    return syscall(SYS_statx, AT_FDCWD, "", 0, 0, &x);
}

static long probe_copy_file_range(void)
{
    return syscall(SYS_copy_file_range, -1, NULL, -1, NULL, (size_t)0, 0U);
}

static long probe_preadv2(void)
{
    return syscall(SYS_preadv2, -1, NULL, 0L, 0L, 0L, RWF_NOWAIT);
}

/* The advice is looked at before there is nothing to advise on. */
static long probe_collapse(void)
{
    return syscall(SYS_madvise, NULL, (size_t)0, MADV_COLLAPSE);
}

static const struct {
    const char *name;
    long (*probe)(void);
    int answer; /* the errno of a kernel that has it; 0: none */
} calls[KERNEL_CALLS] = {
    [KERNEL_CLONE3] = {"clone3", probe_clone3, EFAULT},
    [KERNEL_CLOSE_RANGE] = {"close_range", probe_close_range, 0},
    [KERNEL_CLOEXEC_RANGE] = {"CLOSE_RANGE_CLOEXEC", probe_cloexec_range, 0},
    [KERNEL_OPENAT2] = {"openat2", probe_openat2, ENOENT},
    [KERNEL_STATX] = {"statx", probe_statx, ENOENT},
    [KERNEL_COPY_FILE_RANGE] = {"copy_file_range", probe_copy_file_range, EBADF},
    [KERNEL_PREADV2] = {"preadv2", probe_preadv2, EBADF},
    [KERNEL_COLLAPSE] = {"MADV_COLLAPSE", probe_collapse, 0},
};

const char *kernel_name(enum kernel_call c)
{
    return calls[c].name;
}

int kernel_probe(enum kernel_call c)
{
    int saved = errno, answer;

    answer = calls[c].probe() < 0 ? errno : 0;
    errno = saved;
    return answer == calls[c].answer ? 0 : answer;
}

bool kernel_has(enum kernel_call c)
{
    return !atomic_load_explicit(&lacking[c], memory_order_relaxed);
}

/* What a kernel without the call, or without its flags, or a filter may answer; EOPNOTSUPP is libc's word for the first. */
static bool may_be_a_lack(int errnum)
{
    return errnum == ENOSYS || errnum == EPERM || errnum == EACCES || errnum == EINVAL || errnum == E2BIG ||
           errnum == EOPNOTSUPP;
}

bool kernel_lacks(enum kernel_call c, int errnum)
{
    if (!may_be_a_lack(errnum) || kernel_probe(c) == 0)
        return false;
    atomic_store_explicit(&lacking[c], true, memory_order_relaxed);
    return true;
}
