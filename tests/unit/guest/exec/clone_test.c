/* A child in our memory: both ways of making one, and what the kernel refuses. A seccomp filter in a process
 * of the test's own plays the kernels that have only one of the calls, or none left. */
#include "guest/exec/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "test.h"

#define CHILD_CODE __attribute__((no_sanitize("address", "undefined", "thread"), no_stack_protector))

/* What the child saw; it lies in memory that is shared with it. */
struct seen {
    pid_t pid; /* as written by the kernel */
    bool in_cgroup;
    pid_t pid_at_start, own_pid;
    bool in_cgroup_at_start;
    void *frame; /* an address on its stack */
    bool handler_is_default;
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
    s->in_cgroup_at_start = s->in_cgroup;
    s->frame = &action;
    syscall(SYS_rt_sigaction, SIGUSR1, NULL, &action, sizeof action.mask);
    s->handler_is_default = action.handler == NULL;
    leave();
}

/* Runs `look` in a child and reaps it. Returns what clone_child did, or 0 with its exit checked. */
static int clone_and_look(struct seen *s, int cgroup)
{
    int status = -1;

    if (clone_child(look, s, stack, sizeof stack, cgroup, &s->pid, &s->in_cgroup) < 0)
        return -1;
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

/* From now on the two calls fail with these numbers; 0: not at all. */
static void refuse_calls(unsigned clone3_errno, unsigned clone_errno)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, clone3_errno ? SECCOMP_RET_ERRNO | clone3_errno : SECCOMP_RET_ALLOW),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, clone_errno ? SECCOMP_RET_ERRNO | clone_errno : SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LEN(code), .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit(99);
}

/* clone_and_look under such a filter. Returns its value, *errnum its errno. */
static int look_refused(unsigned clone3_errno, unsigned clone_errno, int cgroup, struct seen *s, int *errnum)
{
    struct {
        struct seen seen;
        int ret, errnum;
        bool good;
    } *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    int status, ret;

    if (pid == 0) {
        refuse_calls(clone3_errno, clone_errno);
        shared->ret = clone_and_look(&shared->seen, cgroup);
        shared->errnum = errno;
        shared->good = saw_a_good_child(&shared->seen);
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
    struct seen s = {0};

    (void)state;
    assert_int_equal(clone_and_look(&s, -1), 0);
    assert_true(saw_a_good_child(&s));
}

static void the_child_has_no_signal_handlers(void **state)
{
    struct seen s = {0};

    (void)state;
    signal(SIGUSR1, on_signal);
    assert_int_equal(clone_and_look(&s, -1), 0);
    signal(SIGUSR1, SIG_DFL);
    assert_true(s.handler_is_default);
}

/* There is no way back to a child outside its cgroup: fn is told that the kernel did it. */
static void the_kernel_puts_it_into_its_cgroup(void **state)
{
    struct seen s = {0};

    (void)state;
    assert_int_equal(clone_and_look(&s, -1), 0);
    assert_true(s.in_cgroup_at_start);
}

static void a_cgroup_that_is_none_is_refused(void **state)
{
    int fd = open("/dev/null", O_PATH | O_CLOEXEC);
    struct seen s = {0};

    (void)state;
    assert_int_equal(clone_and_look(&s, fd), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(s.own_pid, 0); /* nothing ran */
    close(fd);
}

/* --- without it ------------------------------------------------------------------------------ */

static void the_older_call_stands_in(void **state)
{
    static const unsigned missing[] = {ENOSYS, EINVAL, EPERM};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
        struct seen s;
        int errnum, fd = open("/dev/null", O_PATH | O_CLOEXEC);

        assert_int_equal(look_refused(missing[i], 0, fd, &s, &errnum), 0);
        assert_false(s.in_cgroup_at_start); /* so it has to enter the cgroup by itself */
        close(fd);
    }
}

static void a_lack_is_told_and_not_tried_again(void **state)
{
    static const unsigned lacks[] = {EAGAIN, ENOMEM};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
        struct seen s;
        int errnum;

        assert_int_equal(look_refused(lacks[i], 0, -1, &s, &errnum), -1);
        assert_int_equal(errnum, lacks[i]);
        assert_int_equal(s.own_pid, 0);
    }
}

static void a_lack_in_the_older_call_is_told(void **state)
{
    struct seen s;
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
        cmocka_unit_test(the_older_call_stands_in),
        cmocka_unit_test(a_lack_is_told_and_not_tried_again),
        cmocka_unit_test(a_lack_in_the_older_call_is_told),
    };

    return RUN(tests);
}
