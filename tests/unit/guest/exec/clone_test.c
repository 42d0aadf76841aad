/* A child in our memory: both ways of making one, and what the kernel refuses. A seccomp filter in a process
 * of the test's own plays the kernels that have only one of the calls, or none left. */
#include "guest/exec/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/kernel.h"
#include "refuse.h"
#include "test.h"

#define CHILD_CODE __attribute__((no_sanitize("address", "undefined", "thread"), no_stack_protector))

/* What the child saw; it lies in memory that is shared with it. */
struct seen {
    pid_t pid; /* as written by the kernel */
    bool as_asked;
    pid_t pid_at_start, own_pid;
    bool as_asked_at_start;
    void *frame; /* an address on its stack */
    bool handler_is_default;
    int to_close;    /* a descriptor for it to close, or -1: it is asked to share ours then */
    bool still_open; /* here, after that */
};

static _Alignas(16) char stack[32 * 1024];

CHILD_CODE static _Noreturn void leave(void)
{
    for (;;)
        syscall(SYS_exit_group, 42);
}

CHILD_CODE static int look(void *arg)
{
    struct seen *s = arg;
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action;

    s->pid_at_start = s->pid;
    s->own_pid = (pid_t)syscall(SYS_getpid);
    s->as_asked_at_start = s->as_asked;
    s->frame = &action;
    syscall(SYS_rt_sigaction, SIGUSR1, NULL, &action, sizeof action.mask);
    s->handler_is_default = action.handler == NULL;
    if (s->to_close >= 0)
        syscall(SYS_close, s->to_close);
    leave();
}

/* Runs `look` in a child and reaps it. Returns what clone_child did, or 0 with its exit checked. */
static int clone_and_look(struct seen *s, int cgroup)
{
    int status = -1;

    if (clone_child(look, s, stack, sizeof stack, cgroup, s->to_close >= 0, &s->pid, &s->as_asked) < 0)
        return -1;
    s->still_open = fcntl(s->to_close, F_GETFD) >= 0;
    if (waitpid(s->pid, &status, 0) != s->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 42)
        return -2;
    return 0;
}

static bool saw_a_good_child(const struct seen *s)
{
    return s->pid > 0 && s->pid_at_start == s->pid && s->own_pid == s->pid && s->pid != getpid() &&
           (char *)s->frame >= stack && (char *)s->frame < stack + sizeof stack;
}

static void on_signal(int signo)
{
    (void)signo;
}

/* clone_and_look where the two calls fail with these numbers; 0: they do not. Returns its value, *errnum its errno. */
static int look_refused(unsigned clone3_errno, unsigned clone_errno, int cgroup, struct seen *s, int *errnum)
{
    struct {
        struct seen seen;
        int ret, errnum;
        bool good;
    } *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;
    int status, ret;

    shared->seen.to_close = s->to_close;
    pid = fork();
    if (pid == 0) {
        refuse_call(SYS_clone3, (int)clone3_errno);
        refuse_call(SYS_clone, (int)clone_errno);
        shared->ret = clone_and_look(&shared->seen, cgroup);
        shared->errnum = errno;
        shared->good = saw_a_good_child(&shared->seen);
        if (shared->ret == 0) /* the lack is remembered */
            shared->good = shared->good && kernel_has(KERNEL_CLONE3) == shared->seen.as_asked;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    ret = shared->ret;
    *errnum = shared->errnum;
    *s = shared->seen;
    if (ret == 0)
        assert_true(shared->good);
    munmap(shared, 4096);
    return ret;
}

/* --- with the newer call --------------------------------------------------------------------- */

static void the_child_runs_on_its_own_stack_and_its_pid_is_known_before(void **state)
{
    struct seen s = {.to_close = -1};

    (void)state;
    assert_int_equal(clone_and_look(&s, -1), 0);
    assert_true(saw_a_good_child(&s));
}

static void the_child_has_no_signal_handlers(void **state)
{
    struct seen s = {.to_close = -1};

    (void)state;
    signal(SIGUSR1, on_signal);
    assert_int_equal(clone_and_look(&s, -1), 0);
    signal(SIGUSR1, SIG_DFL);
    assert_true(s.handler_is_default);
}

/* There is no way back to a child outside its cgroup: fn is told that the kernel did it. */
static void the_kernel_puts_it_into_its_cgroup(void **state)
{
    struct seen s = {.to_close = -1};

    (void)state;
    assert_int_equal(clone_and_look(&s, -1), 0);
    assert_true(s.as_asked_at_start);
}

static void a_cgroup_that_is_none_is_refused(void **state)
{
    int fd = open("/dev/null", O_PATH | O_CLOEXEC);
    struct seen s = {.to_close = -1};

    (void)state;
    assert_int_equal(clone_and_look(&s, fd), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(s.own_pid, 0); /* nothing ran */
    close(fd);
}

static void it_begins_in_our_table_of_descriptors_when_asked(void **state)
{
    struct seen s = {.to_close = dup(0)};

    (void)state;
    assert_int_equal(clone_and_look(&s, -1), 0);
    assert_true(s.as_asked_at_start);
    assert_false(s.still_open);
}

/* --- without it ------------------------------------------------------------------------------ */

static void the_older_call_stands_in(void **state)
{
    static const unsigned missing[] = {ENOSYS, EINVAL, EPERM, E2BIG};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
        int errnum, fd = open("/dev/null", O_PATH | O_CLOEXEC);
        struct seen s = {.to_close = fd};

        assert_int_equal(look_refused(missing[i], 0, fd, &s, &errnum), 0);
        assert_false(s.as_asked_at_start); /* so it has to enter the cgroup by itself */
        assert_true(s.still_open);         /* and what it closed was a copy */
        close(fd);
    }
}

static void a_lack_is_told_and_not_tried_again(void **state)
{
    static const unsigned lacks[] = {EAGAIN, ENOMEM};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
        struct seen s = {.to_close = -1};
        int errnum;

        assert_int_equal(look_refused(lacks[i], 0, -1, &s, &errnum), -1);
        assert_int_equal(errnum, lacks[i]);
        assert_int_equal(s.own_pid, 0);
    }
}

static void a_lack_in_the_older_call_is_told(void **state)
{
    struct seen s = {.to_close = -1};
    int errnum;

    (void)state;
    assert_int_equal(look_refused(ENOSYS, EAGAIN, -1, &s, &errnum), -1);
    assert_int_equal(errnum, EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_child_runs_on_its_own_stack_and_its_pid_is_known_before),
        cmocka_unit_test(the_child_has_no_signal_handlers),
        cmocka_unit_test(the_kernel_puts_it_into_its_cgroup),
        cmocka_unit_test(a_cgroup_that_is_none_is_refused),
        cmocka_unit_test(it_begins_in_our_table_of_descriptors_when_asked),
        cmocka_unit_test(the_older_call_stands_in),
        cmocka_unit_test(a_lack_is_told_and_not_tried_again),
        cmocka_unit_test(a_lack_in_the_older_call_is_told),
    };

    return RUN(tests);
}
