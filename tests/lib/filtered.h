/* Becoming another program under a filter of system calls (seccomp(2)), some of which a supervisor beside it answers in the kernel's
 * place (seccomp_unotify(2)). For tests: an error ends the program. */
#ifndef TESTS_LIB_FILTERED_H
#define TESTS_LIB_FILTERED_H

#include <sys/types.h>

#include <linux/filter.h>

/* Says what could not be done, with errno, and ends. */
_Noreturn void filtered_give_up(const char *what);

/* Becomes `program` with the arguments. Where the code hands calls to a supervisor (SECCOMP_RET_USER_NOTIF), `supervise` is that: it runs
 * in a process of its own, outside the filter, with the listener and the program's pid, and ends when nobody is left under the
 * filter. NULL: there is none. A supervisor closes what it does not need. */
_Noreturn void filtered_exec(const char *program, char **argv, const struct sock_fprog *code,
                             void (*supervise)(pid_t program, int listener));

#endif
