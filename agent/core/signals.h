/* What an exec hands on of the signals' dispositions: which are ignored (execve(2), signal(7)). */
#ifndef CORE_SIGNALS_H
#define CORE_SIGNALS_H

#include <stdint.h>

/* The signals that the process ignores, bit n-1 for signal n: those that it was started with, as nohup(1) and shells do it, since
 * nothing here ignores one. All of them where the kernel does not say. Whoever starts a program gives them their default. From any
 * thread. */
uint64_t signals_ignored(void);

#endif
