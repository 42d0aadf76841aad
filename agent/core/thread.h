/* Threads where a filter of system calls forbids clone3(2). libc takes ENOSYS only for "not here, use clone(2)": a container's filter of
 * before 2021, which answers EPERM to every call that it does not know, would leave us without any thread. So the linker sends
 * libc's own calls here (--wrap; a static libc only). That of arm64 has no clone3 yet, and makes threads by clone(2).
 * Source: sysdeps/unix/sysv/linux/clone-internal.c of glibc 2.34 to 2.36. */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include <stddef.h>

struct clone_args;

/* The linker makes these names. NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* As libc's, and ENOSYS for EPERM, which clone3 has for nothing that libc asks of it. */
int __wrap___clone3(struct clone_args *args, size_t size, int (*fn)(void *), void *arg);

/* libc's. */
int __real___clone3(struct clone_args *args, size_t size, int (*fn)(void *), void *arg);

/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

#endif
