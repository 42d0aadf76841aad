/* Newer system calls: which of them the kernel, or a filter of system calls (seccomp(2)) in front of it, does not have, found out
 * when one fails and remembered. Whoever uses one has another way, and says which; nobody tries it a second time.
 *
 * A failure alone says little: EPERM may be a filter's word for "no such call", and the kernel's for "not this file"; so may
 * ENOSYS, of a file system in user space. What tells them apart is a probe: the call with arguments that a kernel which has it
 * refuses in its own way, and which do nothing. Threads: any. */
#ifndef CORE_KERNEL_H
#define CORE_KERNEL_H

#include "core/base.h"

/* Not in the headers of Linux before 5.12 (linux/openat2.h). */
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

/* Not in the headers of Linux before 6.1 (asm-generic/mman-common.h). */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum kernel_call {
    KERNEL_CLONE3,          /* into a cgroup and without signal handlers: Linux 5.7 */
    KERNEL_CLOSE_RANGE,     /* with CLOSE_RANGE_UNSHARE: 5.9 */
    KERNEL_CLOEXEC_RANGE,   /* close_range with CLOSE_RANGE_CLOEXEC: 5.11 */
    KERNEL_OPENAT2,         /* with RESOLVE_CACHED: 5.12 */
    KERNEL_STATX,           /* 4.11 */
    KERNEL_COPY_FILE_RANGE, /* 4.5 */
    KERNEL_PREADV2,         /* with RWF_NOWAIT: 4.14 */
    KERNEL_COLLAPSE,        /* madvise(2) with MADV_COLLAPSE: 6.1 */
    KERNEL_CALLS,
};

/* Whether it may be tried: true until it was found to be lacking. No system call. */
bool kernel_has(enum kernel_call c);

/* The call has failed with that errno: whether because it is lacking. It is not tried again then. errno stays as it was. At most
 * one system call, and none for an errno that no lack has. */
bool kernel_lacks(enum kernel_call c, int errnum);

/* The call, or the flag of it that is newer than it. */
const char *kernel_name(enum kernel_call c);

/* Asks the kernel now. Returns 0 when it has the call, else the errno that it, or the filter, has for it. Nothing is remembered. */
int kernel_probe(enum kernel_call c);

#endif
