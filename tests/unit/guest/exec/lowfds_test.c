/* The low descriptors by themselves, and what they are for: a child takes three along and leaves the others behind, in
 * whichever way the kernel allows. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/exec/clone.h"
#include "refuse.h"

/* How many more calls of dup3 succeed; negative: all. */
static int dup3_left = -1;

static int dup3_or_not(int from, int to, int flags);
#define dup3(from, to, flags) dup3_or_not(from, to, flags)

#include "guest/exec/lowfds.c"

#undef dup3

static bool shared; /* the last child was to begin in our table */
#define clone_child(fn, arg, stack, size, cgroup, share, ...)                                                \
    (shared = (share), (clone_child)(fn, arg, stack, size, cgroup, share, __VA_ARGS__))

#include "guest/exec/spawn.c"

#undef clone_child

#include "spawn_rig.h"

static int dup3_or_not(int from, int to, int flags)
{
    if (dup3_left == 0) {
        errno = EBUSY;
        return -1;
    }
    dup3_left -= dup3_left > 0;
    return dup3(from, to, flags);
}

enum { HIGH = 200 };

static struct lowfds l;
static int null_fd, fds_before;
static int pipes[3][2]; /* with high numbers at their writing ends */

static int open_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Of a test that needs no pipes. */
static int setup_bare(void **state)
{
    (void)state;
    dup3_left = -1;
    fds_before = open_fds();
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    lowfds_init(&l, null_fd);
    memset(pipes, -1, sizeof pipes);
    return 0;
}

static int setup(void **state)
{
    setup_bare(state);
    for (int k = 0; k < 3; k++) {
        int fd[2];

        if (pipe2(fd, O_CLOEXEC) < 0)
            return -1;
        pipes[k][0] = fd[0];
        pipes[k][1] = fcntl(fd[1], F_DUPFD_CLOEXEC, HIGH);
        close(fd[1]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 2; i++)
            fd_close(&pipes[k][i]);
    lowfds_destroy(&l);
    close(null_fd);
    return open_fds() == fds_before ? 0 : -1;
}

static bool same_file(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev &&
           x.st_rdev == y.st_rdev;
}

/* The numbers that a borrower gets for the three pipes; NULL when it gets none, and then they are as they were. */
static struct lowfds_set *lend(int fds[3])
{
    struct lowfds_set *set;
    bool low;

    for (int k = 0; k < 3; k++)
        fds[k] = pipes[k][1];
    low = lowfds_lend(&l, fds, &set);
    for (int k = 0; k < 3; k++) {
        assert_true(same_file(fds[k], pipes[k][1]));
        assert_true(low ? fds[k] < l.end : fds[k] == pipes[k][1]);
    }
    if (!low)
        lowfds_return(&l, set);
    return low ? set : NULL;
}

/* Our ends are closed: whether nobody else has one. */
static bool at_its_end(int k)
{
    char c;

    close(pipes[k][1]);
    pipes[k][1] = -1;
    fcntl(pipes[k][0], F_SETFL, O_NONBLOCK);
    return read(pipes[k][0], &c, 1) == 0;
}

static void high_ones_become_low_until_they_are_returned(void **state)
{
    struct lowfds_set *set;
    int fds[3];

    (void)state;
    set = lend(fds);
    assert_non_null(set);
    for (int k = 0; k < 3; k++)
        assert_int_equal(fcntl(fds[k], F_GETFD), FD_CLOEXEC);
    lowfds_return(&l, set);
    for (int k = 0; k < 3; k++) {
        assert_true(same_file(fds[k], null_fd)); /* nobody else can have got the number */
        assert_int_equal(fcntl(fds[k], F_GETFD), FD_CLOEXEC);
        assert_true(at_its_end(k));
    }
}

static void low_ones_stay_where_they_are(void **state)
{
    int fds[3] = {null_fd, pipes[1][0], pipes[2][1]};
    struct lowfds_set *set;

    (void)state;
    assert_true(lowfds_lend(&l, fds, &set));
    assert_int_equal(fds[0], null_fd);
    assert_int_equal(fds[1], pipes[1][0]);
    assert_true(fds[2] < l.end && same_file(fds[2], pipes[2][1]));
    lowfds_return(&l, set);
    fds[2] = pipes[2][0];
    assert_true(lowfds_lend(&l, fds, &set));
    assert_null(set);
    lowfds_return(&l, set);
}

static void each_borrower_has_its_own(void **state)
{
    struct lowfds_set *sets[SPAWN_THREADS];
    bool seen[HIGH] = {false};
    int fds[3];

    (void)state;
    for (int i = 0; i < SPAWN_THREADS; i++) {
        sets[i] = lend(fds);
        assert_non_null(sets[i]);
        for (int k = 0; k < 3; k++) {
            assert_false(seen[fds[k]]);
            seen[fds[k]] = true;
        }
    }
    assert_null(lend(fds)); /* one too many */
    lowfds_return(&l, sets[2]);
    assert_ptr_equal(lend(fds), sets[2]);
    for (int i = 0; i < SPAWN_THREADS; i++)
        lowfds_return(&l, sets[i]);
    for (int k = 0; k < 3; k++)
        assert_true(at_its_end(k));
}

/* --- lacks ----------------------------------------------------------------------------------- */

static void what_cannot_be_moved_is_as_it_was(void **state)
{
    int fds[3];

    (void)state;
    for (dup3_left = 0; dup3_left < 3;) {
        int passing = dup3_left;

        assert_null(lend(fds));
        dup3_left = -1;
        lowfds_return(&l, lend(fds)); /* the next one is served */
        dup3_left = passing + 1;
    }
    dup3_left = -1;
    for (int k = 0; k < 3; k++)
        assert_true(at_its_end(k));
}

/* A program's end would not be seen otherwise. */
static void what_cannot_be_put_back_is_closed_and_not_lent_again(void **state)
{
    struct lowfds_set *set, *other;
    int fds[3], again[3];

    (void)state;
    set = lend(fds);
    dup3_left = 1;
    lowfds_return(&l, set);
    dup3_left = -1;
    assert_true(same_file(fds[0], null_fd));
    for (int i = 0; i < 2; i++) {
        other = lend(again);
        assert_ptr_not_equal(other, set);
        lowfds_return(&l, other);
    }
    for (int k = 0; k < 3; k++)
        assert_true(at_its_end(k));
}

/* Beside as many descriptors as fit below `max`: none are held in vain. */
static void without_descriptors_there_are_none(void **state)
{
    struct rlimit before, now;
    struct lowfds none;
    int fds = open_fds(), next = dup(0), three[3];

    (void)state;
    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    now = (struct rlimit){(rlim_t)(next + 3 * SPAWN_THREADS - 1), before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
    lowfds_init(&none, null_fd);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(open_fds(), fds);
    for (int k = 0; k < 3; k++) {
        struct lowfds_set *set;

        three[0] = three[1] = three[2] = null_fd;
        assert_false(lowfds_lend(&none, three, &set));
        assert_null(set);
    }
    lowfds_destroy(&none);
    assert_int_equal(open_fds(), fds);
}

static void a_kernel_that_cannot_copy_a_part_has_none(void **state)
{
    static const int missing[] = {ENOSYS, EINVAL, EPERM};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
            int fds = open_fds(), three[3] = {null_fd, null_fd, null_fd};
            struct lowfds_set *set;
            struct lowfds none;

            refuse_call(SYS_close_range, missing[i]);
            lowfds_init(&none, null_fd);
            _exit(lowfds_lend(&none, three, &set) || set || open_fds() != fds);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* --- a child, beside many descriptors --------------------------------------------------------- */

static int setup_spawn(void **state)
{
    struct err e;

    setup_bare(state);
    around =
        (struct spawn_surroundings){.cgroups = &cgroups, .null_fd = null_fd, .low = &l, .uid = geteuid()};
    return settings_init(&settings, NULL, &e);
}

static int teardown_spawn(void **state)
{
    settings_destroy(&settings);
    return teardown(state);
}

enum { FAR = 300 };

/* Opens a descriptor that an exec would not close, far up; beside it, all below are taken. */
static void crowd(void)
{
    for (int fd = 3; fd < FAR; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            assert_int_equal(fcntl(around.null_fd, F_DUPFD_CLOEXEC, fd), fd);
    assert_int_equal(dup2(around.null_fd, FAR), FAR);
}

static void disperse(int wanted)
{
    close_range((unsigned)l.end, FAR, 0);
    for (int fd = l.end - 1; open_fds() > wanted; fd--)
        close(fd);
}

#define LOOK_FOR_FAR "test -e /proc/self/fd/300 && echo there || echo gone; echo error >&2; cat"

/* Whether a program finds the high descriptor; its three are what they should be in any case. */
static bool high_is_there(bool pty)
{
    const char *args[] = {"-c", LOOK_FOR_FAR}, *text;
    int fds = open_fds();
    struct spawn *s = spawn_spec(&(struct exec_spec){
        .cmd = "/bin/sh", .args = args, .arg_count = 2, .cwd = "/", .stdin_pipe = !pty, .pty = pty});
    bool there;

    if (s->stage != SPAWN_OK)
        fail_msg("%s", s->error.text);
    if (pty) {
        char screen[64] = "";

        for (size_t n = 0; !strstr(screen, "error"); n = strlen(screen))
            if (read(s->output[0], screen + n, sizeof screen - 1 - n) < 0 && errno != EAGAIN)
                fail_msg("the terminal has ended after '%s'", screen);
        there = strstr(screen, "there") != NULL;
        kill(s->pid, SIGKILL);
        exit_of(s);
    } else {
        assert_int_equal(write(s->input, "input\n", 6), 6);
        fd_close(&s->input);
        text = all_of(s->output[0]); /* to its end: nobody else has the other one */
        there = strstr(text, "there\n") != NULL;
        assert_string_equal(text, there ? "there\ninput\n" : "gone\ninput\n");
        assert_string_equal(all_of(s->output[1]), "error\n");
        assert_int_equal(exit_of(s), 0);
    }
    spawn_free(s);
    assert_int_equal(open_fds(), fds);
    assert_true(fcntl(FAR, F_GETFD) >= 0); /* ours is ours */
    return there;
}

static void high_descriptors_are_not_even_copied(void **state)
{
    int fds = open_fds();

    (void)state;
    crowd();
    for (int i = 0; i < 2 * SPAWN_THREADS; i++)
        assert_true(!high_is_there(i % 2) && shared);
    disperse(fds);
}

/* Of high descriptors only those that an exec closes are safe then: all of the agent's. */
static void where_there_are_no_low_ones_it_gets_copies(void **state)
{
    int fds = open_fds();

    (void)state;
    crowd();
    around.low = NULL;
    assert_true(high_is_there(false) && !shared);
    assert_true(high_is_there(true) && !shared);
    around.low = &l;
    l.free = 0; /* all lent */
    assert_true(high_is_there(false));
    l.free = (1u << SPAWN_THREADS) - 1;
    assert_false(high_is_there(false));
    disperse(fds);
}

/* The kernels of each age, as far as this is concerned. */
static void older_kernels_give_it_copies(void **state)
{
    static const struct {
        int clone3_errno, close_range_errno;
    } kernels[] = {{ENOSYS, 0}, {0, ENOSYS}, {ENOSYS, ENOSYS}, {EPERM, EPERM}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kernels); i++) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
            lowfds_destroy(&l);
            refuse_call(SYS_clone3, kernels[i].clone3_errno);
            refuse_call(SYS_close_range, kernels[i].close_range_errno);
            lowfds_init(&l, around.null_fd);
            crowd();
            _exit(!high_is_there(false) || !high_is_there(true));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* It had worked at the start. */
static void a_table_that_cannot_be_left_is_resource_exhausted(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        struct spawn *s;
        int fds = open_fds();

        refuse_call(SYS_close_range, ENOMEM);
        s = spawn_spec(&(struct exec_spec){.cmd = "true", .cwd = "/"});
        assert_int_equal(s->stage, SPAWN_PIPE);
        assert_int_equal(s->error.status, STATUS_RESOURCE_EXHAUSTED);
        assert_string_equal(s->error.text, "error starting process 'true': pipe: cannot allocate memory");
        assert_int_equal(exit_of(s), 127);
        spawn_free(s);
        assert_int_equal(open_fds(), fds);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define S(f) cmocka_unit_test_setup_teardown(f, setup_spawn, teardown_spawn)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(high_ones_become_low_until_they_are_returned),
        T(low_ones_stay_where_they_are),
        T(each_borrower_has_its_own),
        T(what_cannot_be_moved_is_as_it_was),
        T(what_cannot_be_put_back_is_closed_and_not_lent_again),
        T(without_descriptors_there_are_none),
        T(a_kernel_that_cannot_copy_a_part_has_none),
        S(high_descriptors_are_not_even_copied),
        S(where_there_are_no_low_ones_it_gets_copies),
        S(older_kernels_give_it_copies),
        S(a_table_that_cannot_be_left_is_resource_exhausted),
    };

    return RUN(tests);
}
