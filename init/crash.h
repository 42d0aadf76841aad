/* A crash of PID 1: SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT. One line on the console says where, as an address in our image
 * (addr2line finds it in guestd.debug, which has the build id that is told), and the machine restarts at once: a host sees that
 * it has gone. A host that wants a core has to ask the kernel for one, not us.
 *
 * Where the handler itself cannot run (a worker's stack is used up), the kernel panics for its dead init, and restarts because
 * kernel.panic is 1 then; 0 would let the machine stand for ever. */
#ifndef INIT_CRASH_H
#define INIT_CRASH_H

#include "guest/boot.h"

/* Installs the handlers, with a stack of their own. Children do not inherit them: clone(2) with CLONE_CLEAR_SIGHAND and execve
 * undo them, and in between they are as if they were not there. Signals must be clean before. */
void crash_catch(void);

/* Sets kernel.panic to 1 where it is 0, on a machine that is our `own`: a crash ends no other. Needs /proc. */
void crash_let_panic_restart(bool own, struct boot *b);

#endif
