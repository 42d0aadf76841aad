/* One spawn at a time, run in the test's own thread: what comes of it in each way that it can go wrong. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/exec/clone.h"
#include "guest/exec/spawn.h"

/* The clone, when a test wants to see it fail, or the child to report something. */
static int clone_errno;
#define clone_child(...) (clone_errno ? (errno = clone_errno, -1) : (clone_child)(__VA_ARGS__))

/* Fails when a test wants it. */
static bool no_memory;

static __attribute__((noinline)) void *calloc_or_not(size_t n, size_t size)
{
    return no_memory ? NULL : calloc(n, size);
}

#define calloc(n, size) calloc_or_not(n, size)

#include "guest/exec/spawn.c"

#undef calloc
#undef clone_child

#include "spawn_rig.h"

static char dir[] = "/tmp/guestd-spawn-XXXXXX"; /* the working directory of what is spawned */

static int setup(void **state)
{
    struct err e;

    (void)state;
    clone_errno = 0;
    no_memory = false;
    cgroups = (struct cgroups){.wanted = false};
    around = (struct spawn_surroundings){
        .cgroups = &cgroups, .null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), .uid = geteuid()};
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    return mkdtemp(dir) ? settings_init(&settings, NULL, &e) : -1;
}

static int teardown(void **state)
{
    (void)state;
    close(around.null_fd);
    settings_destroy(&settings);
    return rmdir(dir);
}

static struct spawn *spawn_cmd(const char *cmd)
{
    return spawn_spec(&(struct exec_spec){.cmd = cmd, .cwd = dir});
}

static int open_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* It failed so, no child is left, and nothing of it stays open. */
static void assert_failed(struct spawn *s, int fds_before, enum spawn_stage stage, enum status status,
                          const char *says)
{
    assert_int_equal(s->stage, stage);
    assert_int_equal(s->error.status, status);
    assert_string_equal(s->error.text, says);
    if (s->pid > 0)
        waitpid(s->pid, NULL, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    spawn_free(s);
    assert_int_equal(open_fds(), fds_before);
}

/* --- a program that cannot be run ------------------------------------------------------------ */

/* A path in the working directory, valid until the next call. */
static const char *in_dir(const char *name)
{
    static char path[64];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void make_file(const char *name, const char *content, mode_t mode)
{
    int fd = open(in_dir(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    fchmod(fd, mode);
    close(fd);
}

static void it_is_an_exit_with_its_reason_on_stderr(void **state)
{
    static const struct {
        const char *cmd;
        int code;
        const char *why;
    } cases[] = {
        {"no-such-program", 127, "no such file or directory"},
        {"/no/such", 127, "no such file or directory"},
        {"/etc/passwd/x", 127, "not a directory"},
        {"./loop", 127, "too many levels of symbolic links"},
        {"", 127, "no such file or directory"},
        {"./plain", 126, "permission denied"},
        {"/tmp", 126, "permission denied"},
        {"./gone", 127, "no such file or directory"}, /* its interpreter is not there */
    };

    (void)state;
    make_file("plain", "echo no\n", 0644);
    make_file("gone", "#!/no/such/interpreter\n", 0755);
    assert_int_equal(symlink("loop", in_dir("loop")), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct spawn *s = spawn_cmd(cases[i].cmd);
        char want[256];

        snprintf(want, sizeof want, "guestd: exec: %s: %s\n", cases[i].cmd, cases[i].why);
        assert_int_equal(s->stage, SPAWN_OK);
        assert_string_equal(all_of(s->output[1]), want);
        assert_int_equal(exit_of(s), cases[i].code);
        spawn_free(s);
    }
    unlink(in_dir("plain"));
    unlink(in_dir("gone"));
    unlink(in_dir("loop"));
}

/* What the kernel cannot run is the shell's, whatever it makes of it. */
static void a_file_without_a_known_format_goes_to_the_shell(void **state)
{
    struct spawn *s;

    (void)state;
    make_file("script", "echo \"$0 $1\"\n", 0755);
    s = spawn_spec(
        &(struct exec_spec){.cmd = "./script", .args = (const char *[]){"one"}, .arg_count = 1, .cwd = dir});
    assert_string_equal(all_of(s->output[0]), "./script one\n");
    assert_int_equal(exit_of(s), 0);
    spawn_free(s);
    unlink(in_dir("script"));
}

static void a_program_that_is_being_written_is_an_exit_126(void **state)
{
    char copy[128];
    struct spawn *s;
    int fd;

    (void)state;
    snprintf(copy, sizeof copy, "cp /bin/true %s/busy", dir);
    assert_int_equal(system(copy), 0);
    fd = open(in_dir("busy"), O_WRONLY | O_CLOEXEC);
    s = spawn_cmd("./busy");
    assert_string_equal(all_of(s->output[1]), "guestd: exec: ./busy: text file busy\n");
    assert_int_equal(exit_of(s), 126);
    spawn_free(s);
    close(fd);
    unlink(in_dir("busy"));
}

static void on_a_terminal_the_reason_comes_there(void **state)
{
    struct spawn *s = spawn_spec(&(struct exec_spec){.cmd = "no-such", .cwd = "/", .pty = true});
    char text[128] = "";

    (void)state;
    assert_int_equal(s->stage, SPAWN_OK);
    assert_int_equal(exit_of(s), 127);
    assert_true(read(s->output[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "guestd: exec: no-such: no such file or directory\r\n");
    spawn_free(s);
}

/* --- requests that are wrong ----------------------------------------------------------------- */

static void an_unknown_user_is_unauthenticated(void **state)
{
    int fds = open_fds();
    struct err e;

    (void)state;
    assert_failed(spawn_spec(&(struct exec_spec){.cmd = "true", .user = "no-such-user"}), fds, SPAWN_USER,
                  STATUS_UNAUTHENTICATED, "invalid username: 'no-such-user'");
    assert_int_equal(settings_set_defaults(&settings, "no-such-default", NULL, &e), 0);
    assert_failed(spawn_cmd("true"), fds, SPAWN_USER, STATUS_UNAUTHENTICATED,
                  "invalid default user: 'no-such-default'");
    assert_int_equal(settings_set_defaults(&settings, "", NULL, &e), 0);
    assert_failed(spawn_cmd("true"), fds, SPAWN_USER, STATUS_UNAUTHENTICATED, "no user specified");
}

static void a_bad_working_directory_is_invalid(void **state)
{
    const char *args[] = {"a", "b c"};
    int fds = open_fds();

    (void)state;
    assert_failed(spawn_spec(&(struct exec_spec){.cmd = "x", .cwd = "/no/such"}), fds, SPAWN_CHDIR,
                  STATUS_INVALID_ARGUMENT, "cwd '/no/such' does not exist");
    assert_failed(
        spawn_spec(&(struct exec_spec){.cmd = "x", .args = args, .arg_count = 2, .cwd = "/etc/passwd"}), fds,
        SPAWN_CHDIR, STATUS_INVALID_ARGUMENT,
        "error starting process 'x a b c': fork/exec x: not a directory");
    assert_failed(spawn_spec(&(struct exec_spec){.cmd = "x", .cwd = "~bob"}), fds, SPAWN_CWD,
                  STATUS_INVALID_ARGUMENT, "cannot expand user-specific home dir");
}

static void a_closed_working_directory_is_invalid(void **state)
{
    int fds = open_fds();

    (void)state;
    if (geteuid() != 0)
        return; /* only root can become somebody who may not enter */
    assert_failed(spawn_spec(&(struct exec_spec){.cmd = "x", .cwd = "/root", .user = "nobody"}), fds,
                  SPAWN_CHDIR, STATUS_INVALID_ARGUMENT,
                  "error starting process 'x': fork/exec x: permission denied");
}

static void a_command_line_that_is_too_long_is_cut_in_the_error(void **state)
{
    static char big[4096];
    const char *args[] = {big, "unseen"};
    struct spawn *s;

    (void)state;
    memset(big, 'a', sizeof big - 1);
    s = spawn_spec(&(struct exec_spec){.cmd = "x", .args = args, .arg_count = 2, .cwd = "/etc/passwd"});
    assert_int_equal(s->stage, SPAWN_CHDIR);
    assert_non_null(strstr(s->error.text, "'x aaaa"));
    assert_true(strlen(s->error.text) < 400);
    assert_null(strstr(s->error.text, "unseen"));
    waitpid(s->pid, NULL, 0);
    spawn_free(s);
}

static void too_large_arguments_are_invalid(void **state)
{
    char *big = malloc(200000);
    const char *args[] = {big};
    int fds = open_fds();

    (void)state;
    memset(big, 'a', 199999); /* one argument may have 128 KiB: MAX_ARG_STRLEN */
    big[199999] = 0;
    assert_failed(
        spawn_spec(&(struct exec_spec){.cmd = "/bin/true", .args = args, .arg_count = 1, .cwd = "/"}), fds,
        SPAWN_EXEC, STATUS_INVALID_ARGUMENT,
        "error starting process '/bin/true': arguments and environment: argument list too long");
    free(big);
}

/* --- lacks ----------------------------------------------------------------------------------- */

static void no_child_for_lack_of_something_is_resource_exhausted(void **state)
{
    static const struct {
        int errnum;
        const char *says;
    } cases[] = {
        {EAGAIN, "error starting process 'true': clone: resource temporarily unavailable"},
        {ENOMEM, "error starting process 'true': clone: cannot allocate memory"},
    };
    int fds = open_fds();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        clone_errno = cases[i].errnum;
        assert_failed(spawn_cmd("true"), fds, SPAWN_CLONE, STATUS_RESOURCE_EXHAUSTED, cases[i].says);
    }
}

/* Each descriptor in turn is the one that cannot be had: the user file, pipes, terminal. */
static void without_descriptors_it_is_resource_exhausted(void **state)
{
    struct rlimit before, now;
    int fds = open_fds(), next = dup(0), pipes = 0, ptys = 0;

    (void)state;
    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    for (int spare = 0; spare < 6; spare++) {
        for (int pty = 0; pty < 2; pty++) {
            struct spawn *s;

            now = (struct rlimit){(rlim_t)(next + spare), before.rlim_max};
            setrlimit(RLIMIT_NOFILE, &now);
            s = spawn_spec(&(struct exec_spec){.cmd = "true", .cwd = "/", .pty = pty, .stdin_pipe = !pty});
            setrlimit(RLIMIT_NOFILE, &before);
            if (s->stage == SPAWN_OK) {
                assert_int_equal(exit_of(s), 0);
            } else {
                assert_int_equal(s->error.status, STATUS_RESOURCE_EXHAUSTED);
                assert_int_equal(s->error.errnum, EMFILE);
                assert_true(s->stage == SPAWN_USER || s->stage == (pty ? SPAWN_PTY : SPAWN_PIPE));
                assert_int_equal(s->pid, 0);
                pipes += s->stage == SPAWN_PIPE;
                ptys += s->stage == SPAWN_PTY;
            }
            spawn_free(s);
            assert_int_equal(open_fds(), fds);
        }
    }
    assert_true(pipes >= 3); /* stdin, stdout, stderr */
    assert_true(ptys >= 1);
}

static void without_a_leaf_it_is_resource_exhausted(void **state)
{
    struct spawn *s = spawn_new(&around, exec_spec_copy(&(struct exec_spec){.cmd = "true", .cwd = "/"}),
                                settings.env, CGROUP_USER);

    (void)state;
    if (!s)
        abort();
    snprintf(s->id, sizeof s->id, "leaf");
    cgroups.opened = cgroups.enabled = true;
    cgroups.dirs[CGROUP_USER] = -1;
    s->job.run(&s->job);
    assert_int_equal(s->stage, SPAWN_CGROUP);
    assert_int_equal(s->error.status, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(s->object, "leaf");
    assert_false(s->leaf_made);
    assert_int_equal(s->pid, 0);
    spawn_free(s);
}

/* What a child reports that cannot be provoked from here. */
static void reports_of_the_child_become_errors(void **state)
{
    static const struct {
        enum spawn_stage stage;
        int errnum;
        enum status status;
        const char *says;
    } cases[] = {
        {SPAWN_EXEC, ENOMEM, STATUS_RESOURCE_EXHAUSTED, "'x': exec: cannot allocate memory"},
        {SPAWN_EXEC, EAGAIN, STATUS_RESOURCE_EXHAUSTED, "'x': exec: resource temporarily unavailable"},
        {SPAWN_EXEC, ENFILE, STATUS_RESOURCE_EXHAUSTED, "'x': exec: too many open files in system"},
        {SPAWN_CGROUP, EAGAIN, STATUS_RESOURCE_EXHAUSTED, "'x': cgroup: resource temporarily unavailable"},
        {SPAWN_SESSION, EPERM, STATUS_RESOURCE_EXHAUSTED, "'x': session: operation not permitted"},
        {SPAWN_PTY, EIO, STATUS_RESOURCE_EXHAUSTED, "'x': pty: input/output error"},
        {SPAWN_GROUPS, EPERM, STATUS_PERMISSION_DENIED, "'x': change to uid 7: operation not permitted"},
        {SPAWN_GID, EPERM, STATUS_PERMISSION_DENIED, "'x': change to uid 7: operation not permitted"},
        {SPAWN_UID, EPERM, STATUS_PERMISSION_DENIED, "'x': change to uid 7: operation not permitted"},
        {SPAWN_GROUPS, ENOMEM, STATUS_RESOURCE_EXHAUSTED, "'x': groups: cannot allocate memory"},
        {SPAWN_UID, EAGAIN, STATUS_RESOURCE_EXHAUSTED, "'x': uid: resource temporarily unavailable"},
        {SPAWN_CHDIR, ENOMEM, STATUS_RESOURCE_EXHAUSTED, "'x': chdir: cannot allocate memory"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct exec_spec spec = {.cmd = "x"};
        struct spawn s = {.spec = &spec};
        struct child c = {.uid = 7, .stage = cases[i].stage, .errnum = cases[i].errnum, .cwd = "/"};

        assert_int_equal(judge(&s, &c, -1), -1);
        assert_int_equal(s.stage, cases[i].stage);
        assert_int_equal(s.error.status, cases[i].status);
        assert_int_equal(s.error.errnum, cases[i].errnum);
        assert_memory_equal(s.error.text, "error starting process ", 23);
        assert_string_equal(s.error.text + 23, cases[i].says);
    }
}

static void io_errors_are_an_exit_126(void **state)
{
    struct exec_spec spec = {.cmd = "x"};
    struct spawn s = {.spec = &spec};
    struct child c = {.stage = SPAWN_EXEC, .errnum = EIO};
    int fd[2];
    char text[64] = "";

    (void)state;
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    assert_int_equal(judge(&s, &c, fd[1]), 0);
    assert_int_equal(s.stage, SPAWN_OK);
    assert_true(read(fd[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "guestd: exec: x: input/output error\n");
    close(fd[0]);
    close(fd[1]);
}

static void without_memory_nothing_is_taken(void **state)
{
    struct exec_spec *spec = exec_spec_copy(&(struct exec_spec){.cmd = "x"});
    unsigned refs = settings.env->refs;

    (void)state;
    no_memory = true;
    assert_null(spawn_new(&around, spec, settings.env, CGROUP_NONE));
    assert_int_equal(settings.env->refs, refs);
    free(spec);
}

static void stages_have_names(void **state)
{
    (void)state;
    for (int i = SPAWN_OK; i <= SPAWN_TIMEOUT; i++)
        assert_non_null(spawn_stage_name((enum spawn_stage)i));
    assert_string_equal(spawn_stage_name(SPAWN_CHDIR), "chdir");
    assert_string_equal(spawn_stage_name(SPAWN_TIMEOUT), "time-out");
}

/* --- what the child finds -------------------------------------------------------------------- */

static struct spawn *spawn_shell(const char *script, bool reset_nofile)
{
    const char *args[] = {"-c", script};

    around.reset_nofile = reset_nofile;
    return spawn_spec(&(struct exec_spec){.cmd = "/bin/sh", .args = args, .arg_count = 2, .cwd = "/"});
}

static void the_descriptor_limit_is_the_old_one(void **state)
{
    struct spawn *s;

    (void)state;
    around.nofile = (struct rlimit){123, 456};
    s = spawn_shell("ulimit -Sn; ulimit -Hn", true);
    assert_string_equal(all_of(s->output[0]), "123\n456\n");
    exit_of(s);
    spawn_free(s);
}

static void the_priority_is_undone(void **state)
{
    struct spawn *s;

    (void)state;
    if (geteuid() != 0)
        return; /* a raised priority cannot be made without */
    assert_int_equal(setpriority(PRIO_PROCESS, 0, -5), 0);
    around.reset_nice = true;
    s = spawn_shell("nice", false);
    assert_string_equal(all_of(s->output[0]), "0\n");
    exit_of(s);
    spawn_free(s);
    setpriority(PRIO_PROCESS, 0, 0);
}

static void our_ends_do_not_block(void **state)
{
    struct spawn *s = spawn_spec(&(struct exec_spec){.cmd = "true", .cwd = "/", .stdin_pipe = true});

    (void)state;
    assert_int_equal(fcntl(s->input, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fcntl(s->output[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        assert_int_equal(fcntl(s->output[i], F_GETFD), FD_CLOEXEC);
    }
    exit_of(s);
    spawn_free(s);
}

/* --- the tables that the child gets ---------------------------------------------------------- */

static void candidates_are_the_folders_of_its_path(void **state)
{
    static const struct {
        const char *cmd, *path, *want;
    } cases[] = {
        {"ls", "PATH=/a:/b/c", "/a/ls /b/c/ls "},
        {"ls", "PATH=", "ls "},
        {"ls", "PATH=:/a:", "ls /a/ls ls "},
        {"ls", "OTHER=/x", "ls "},
        {"/bin/ls", "PATH=/a", "/bin/ls "},
        {"./ls", "PATH=/a", "./ls "},
        {"", "PATH=/a", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = {.max = 65536};
        char *envp[] = {(char *)(uintptr_t)cases[i].path, NULL}, text[128] = "";
        const char **list = make_candidates(cases[i].cmd, envp, &a);

        for (; *list; list++) {
            strcat(text, *list);
            strcat(text, " ");
        }
        assert_string_equal(text, cases[i].want);
        arena_clear(&a);
    }
}

static void the_last_variable_of_a_name_wins(void **state)
{
    char *table[4] = {0};
    size_t n = 0;

    (void)state;
    set_var(table, &n, "A=1");
    set_var(table, &n, "AB=2");
    set_var(table, &n, "A=3");
    assert_int_equal(n, 2);
    assert_string_equal(table[0], "A=3");
    assert_string_equal(table[1], "AB=2");
}

static void without_memory_there_are_no_tables(void **state)
{
    const struct exec_var var = {"N", "V"};
    struct exec_spec spec = {.cmd = "ls", .vars = &var, .var_count = 1};
    struct spawn s = {.spec = &spec, .env = settings.env};
    struct user u = {.name = "u", .home = "/"};
    char *envp[] = {"PATH=/a:/b", NULL};
    size_t enough = 0;

    (void)state;
    for (size_t max = 0; max < 65536 && !enough; max += 64) {
        struct arena a = {.max = max};
        struct child c;

        if (make_environment(&s, &u, &a) && make_candidates("ls", envp, &a) && make_argv(&spec, &c, &a) == 0)
            enough = max;
        arena_clear(&a);
    }
    assert_true(enough > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- for those who want it plain ------------------------------------------------------------- */

static void what_must_run_fails_when_it_cannot(void **state)
{
    int fds = open_fds();

    (void)state;
    assert_failed(spawn_spec(&(struct exec_spec){.cmd = "no-such", .cwd = "/", .must_run = true}), fds,
                  SPAWN_EXEC, STATUS_FAILED_PRECONDITION, "no-such: no such file or directory");
}

static void an_environment_of_a_path_alone(void **state)
{
    const struct exec_spec spec = {
        .cmd = "x", .path_only = true, .var_count = 1, .vars = &(struct exec_var){"A", "b"}};
    const struct spawn s = {.spec = (struct exec_spec *)(uintptr_t)&spec, .env = settings.env};
    struct arena a = {.max = 4096};
    char **table = make_environment(&s, &(struct user){.home = "/h", .name = "n"}, &a);

    (void)state;
    assert_memory_equal(table[0], "PATH=", 5);
    assert_string_equal(table[1], "A=b");
    assert_null(table[2]);
    arena_clear(&a);
}

/* Under the number that they have here, and no longer ours once they have gone. */
static void descriptors_go_along(void **state)
{
    char script[64];
    const char *args[] = {"-c", script};
    struct exec_spec view = {.cmd = "/bin/sh", .cwd = dir, .args = args, .arg_count = 2, .fd_count = 2};
    int fds = open_fds(), ends[2];
    struct spawn *s;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "along", 5), 5);
    view.fds[0] = ends[0];
    view.fds[1] = ends[1];
    snprintf(script, sizeof script, "head -c 5 <&%d; echo 0 >&%d", ends[0], ends[1]);
    s = spawn_spec(&view);
    assert_int_equal(fcntl(ends[0], F_GETFD), -1);
    assert_int_equal(fcntl(ends[1], F_GETFD), -1);
    assert_string_equal(all_of(s->output[0]), "along");
    assert_int_equal(exit_of(s), 0);
    spawn_free(s);
    view.cmd = "no-such"; /* and when it does not come to it */
    view.must_run = true;
    assert_int_equal(pipe2(view.fds, O_CLOEXEC), 0);
    assert_failed(spawn_spec(&view), fds, SPAWN_EXEC, STATUS_FAILED_PRECONDITION,
                  "no-such: no such file or directory");
}

/* Of the settings' variables those are left out whose names begin so; a request's own are not. */
static void variables_are_hidden(void **state)
{
    const struct exec_spec spec = {
        .cmd = "x", .hidden = "GIT_", .var_count = 1, .vars = &(struct exec_var){"GIT_B", "2"}};
    char hidden[] = "GIT_A=1", shown[] = "GITX=3", *vars[] = {hidden, shown};
    struct guest_env env = *settings.env;
    const struct spawn s = {.spec = (struct exec_spec *)(uintptr_t)&spec, .env = &env};
    struct arena a = {.max = 4096};
    char **table;

    (void)state;
    env.vars = vars;
    env.var_count = 2;
    table = make_environment(&s, &(struct user){.home = "/h", .name = "n"}, &a);
    assert_string_equal(table[4], "GITX=3"); /* after PATH, HOME, USER, LOGNAME */
    assert_string_equal(table[5], "GIT_B=2");
    assert_null(table[6]);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_is_an_exit_with_its_reason_on_stderr),
        T(a_file_without_a_known_format_goes_to_the_shell),
        T(a_program_that_is_being_written_is_an_exit_126),
        T(on_a_terminal_the_reason_comes_there),
        T(an_unknown_user_is_unauthenticated),
        T(a_bad_working_directory_is_invalid),
        T(a_closed_working_directory_is_invalid),
        T(a_command_line_that_is_too_long_is_cut_in_the_error),
        T(too_large_arguments_are_invalid),
        T(no_child_for_lack_of_something_is_resource_exhausted),
        T(without_descriptors_it_is_resource_exhausted),
        T(without_a_leaf_it_is_resource_exhausted),
        T(reports_of_the_child_become_errors),
        T(io_errors_are_an_exit_126),
        T(without_memory_nothing_is_taken),
        T(stages_have_names),
        T(the_descriptor_limit_is_the_old_one),
        T(the_priority_is_undone),
        T(our_ends_do_not_block),
        T(candidates_are_the_folders_of_its_path),
        T(the_last_variable_of_a_name_wins),
        T(without_memory_there_are_no_tables),
        T(what_must_run_fails_when_it_cannot),
        T(an_environment_of_a_path_alone),
        T(descriptors_go_along),
        T(variables_are_hidden),
    };

    return RUN(tests);
}
