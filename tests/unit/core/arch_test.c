#include "core/arch.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "test.h"

#define CHILD_CODE __attribute__((no_sanitize("address", "undefined", "thread"), no_stack_protector))

static _Alignas(16) char stack[32 * 1024];
static char *volatile child_frame;

CHILD_CODE static _Noreturn void leave(int code)
{
    for (;;)
        syscall(SYS_exit_group, code);
}

CHILD_CODE static int leave_with(void *arg)
{
    child_frame = __builtin_frame_address(0);
    leave(*(int *)arg);
}

static void a_child_runs_the_function_on_its_stack(void **state)
{
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_VFORK,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)stack,
        .stack_size = sizeof stack,
    };
    int code = 42, status;
    long pid = arch_clone3(&args, sizeof args, leave_with, &code);

    (void)state;
    assert_true(pid > 0);
    assert_true(child_frame >= stack && child_frame < stack + sizeof stack);
    assert_int_equal(waitpid((pid_t)pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void what_the_kernel_refuses_is_told(void **state)
{
    struct clone_args args = {.flags = CLONE_SIGHAND}; /* not without CLONE_VM (clone(2)) */

    (void)state;
    errno = 0;
    assert_int_equal(arch_clone3(&args, sizeof args, leave_with, NULL), -1);
    assert_int_equal(errno, EINVAL);
}

static uintptr_t faulted;
static volatile int *page;

static void on_fault(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)info;
    faulted = arch_instruction(context);
    mprotect((void *)(uintptr_t)page, 1,
             PROT_READ | PROT_WRITE); /* the instruction is tried again, and succeeds */
}

__attribute__((noinline, no_sanitize("address", "undefined"))) static void store(void)
{
    *page = 1;
}

static void the_instruction_of_a_fault_is_known(void **state)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old;

    (void)state;
    page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    assert_int_equal(sigaction(SIGSEGV, &action, &old), 0);
    store();
    sigaction(SIGSEGV, &old, NULL);
    assert_int_equal(*page, 1);
    assert_in_range(faulted, (uintptr_t)store, (uintptr_t)store + 64);
    munmap((void *)(uintptr_t)page, (size_t)sysconf(_SC_PAGESIZE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_runs_the_function_on_its_stack),
        cmocka_unit_test(what_the_kernel_refuses_is_told),
        cmocka_unit_test(the_instruction_of_a_fault_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
