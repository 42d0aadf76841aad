#include "core/arch.h"

#include <errno.h>
#include <sys/syscall.h>

#if defined(__x86_64__)

static long clone3_call(const struct clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
    register int (*r8)(void *) __asm__("r8") = fn;
    register void *r9 __asm__("r9") = arg;
    long ret = SYS_clone3;

    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%ebp, %%ebp\n\t" /* the outermost frame */
                     "movq %%r9, %%rdi\n\t"
                     "callq *%%r8\n\t"
                     "hlt\n" /* fn does not return */
                     "1:"
                     : "+a"(ret)
                     : "D"(args), "S"(size), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}

uintptr_t arch_instruction(const ucontext_t *context)
{
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
}

#elif defined(__aarch64__)

static long clone3_call(const struct clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
    register uintptr_t x0 __asm__("x0") = (uintptr_t)args;
    register size_t x1 __asm__("x1") = size;
    register int (*x2)(void *) __asm__("x2") = fn;
    register void *x3 __asm__("x3") = arg;
    register long x8 __asm__("x8") = SYS_clone3;

    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t" /* the outermost frame */
                     "mov x30, xzr\n\t"
                     "mov x0, x3\n\t"
                     "blr x2\n\t"
                     "brk #1\n" /* fn does not return */
                     "1:"
                     : "+r"(x0)
                     : "r"(x1), "r"(x2), "r"(x3), "r"(x8)
                     : "memory");
    return (long)x0;
}

uintptr_t arch_instruction(const ucontext_t *context)
{
    return (uintptr_t)context->uc_mcontext.pc;
}

#else
#error "guestd knows x86-64 and arm64; what another processor needs belongs here"
#endif

long arch_clone3(const struct clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
    long ret = clone3_call(args, size, fn, arg);

    if (ret < 0) {
        errno = (int)-ret;
        return -1;
    }
    return ret;
}
