/* What depends on the processor: x86-64 or arm64. No other file asks which one it is built for (tools/lint floors). */
#ifndef CORE_ARCH_H
#define CORE_ARCH_H

#include <ucontext.h>

#include "core/base.h"

struct clone_args;

/* clone3(2), with a stack for the child in `args` (size: of args). glibc 2.36 has no public clone3, and syscall(2) would return
 * twice on one stack: in the child it would run through the frame that the parent still needs. So the child never returns here:
 * it calls fn(arg) on its own stack, and fn must not return. Returns the child's pid, or -1 with errno. */
long arch_clone3(const struct clone_args *args, size_t size, int (*fn)(void *), void *arg);

/* The address of the instruction at which a signal came, from the third argument of its handler (sigaction(2), SA_SIGINFO). */
uintptr_t arch_instruction(const ucontext_t *context);

#endif
