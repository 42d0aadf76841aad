#include "guest/exec/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/close_range.h>
#include <linux/ioprio.h>

#include "core/arena.h"
#include "core/fd.h"
#include "core/limits.h"
#include "core/signals.h"
#include "guest/exec/clone.h"
#include "guest/paths.h"
#include "guest/users.h"

#define CHILD_STACK     (32 * KIB) /* it calls a dozen system calls and nothing else */
#define CHILD_OOM_SCORE "100"      /* as envd's: processes go before the agent and the system */

const char *spawn_stage_name(enum spawn_stage stage)
{
    static const char *const names[] = {
        [SPAWN_OK] = "ok",           [SPAWN_USER] = "user",
        [SPAWN_CWD] = "cwd",         [SPAWN_ENVIRONMENT] = "environment",
        [SPAWN_CGROUP] = "cgroup",   [SPAWN_PIPE] = "pipe",
        [SPAWN_PTY] = "pty",         [SPAWN_CLONE] = "clone",
        [SPAWN_SESSION] = "session", [SPAWN_NICE] = "nice",
        [SPAWN_LIMIT] = "limit",     [SPAWN_PRIVILEGES] = "no-new-privs",
        [SPAWN_GROUPS] = "groups",   [SPAWN_GID] = "gid",
        [SPAWN_UID] = "uid",         [SPAWN_CHDIR] = "chdir",
        [SPAWN_EXEC] = "exec",       [SPAWN_TIMEOUT] = "time-out",
    };

    return names[stage];
}

/* --- the child: in our memory, on a stack of its own; nothing but system calls --------------- */

/* Everything the child needs, prepared. */
struct child {
    int fds[3]; /* to become 0, 1, 2; all above 2 */
    bool pty;
    int cgroup;    /* where it belongs, or -1 */
    bool as_asked; /* it is there, and in our table of descriptors when `low` is set: see clone.h */
    bool low;      /* all that it needs is below around->low->end */
    bool change_user;
    uid_t uid;
    gid_t gid;
    size_t group_count;
    const gid_t *groups;
    const char *cwd;
    const char *const *candidates; /* paths to try, NULL-terminated */
    char *const *argv;
    char **shell_argv; /* for a script without "#!": /bin/sh, the path (filled in), the arguments */
    char *const *envp;
    const struct spawn_surroundings *around;
    const struct exec_spec *spec; /* nice, umask, limits, no_new_privs */
    uint64_t ignored;             /* signals */

    /* what it reports */
    volatile enum spawn_stage stage;
    volatile int errnum;
    volatile size_t limit; /* SPAWN_LIMIT: which */
};

#define CHILD_CODE __attribute__((no_sanitize("address", "undefined", "thread"), no_stack_protector))

CHILD_CODE static _Noreturn void child_exit(int code)
{
    for (;;)
        syscall(SYS_exit_group, code);
}

CHILD_CODE static _Noreturn void child_fail(struct child *c, enum spawn_stage stage, int code)
{
    c->errnum = errno;
    c->stage = stage;
    child_exit(code);
}

/* Best effort: /proc may be missing, and lowering a score needs a capability. */
CHILD_CODE static void set_oom_score(void)
{
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);

    if (fd >= 0) {
        syscall(SYS_write, fd, CHILD_OOM_SCORE, sizeof CHILD_OOM_SCORE - 1);
        syscall(SYS_close, fd);
    }
}

CHILD_CODE static void enter_cgroup(struct child *c)
{
    long fd = syscall(SYS_openat, c->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);

    if (fd < 0 || syscall(SYS_write, fd, "0", 1) != 1)
        child_fail(c, SPAWN_CGROUP, 127);
    syscall(SYS_close, fd);
}

/* The raw calls: glibc's change every thread of the process, and here that would be the agent. */
CHILD_CODE static void become_user(struct child *c)
{
    if (syscall(SYS_setgroups, c->group_count, c->groups) < 0)
        child_fail(c, SPAWN_GROUPS, 127);
    if (syscall(SYS_setresgid, c->gid, c->gid, c->gid) < 0)
        child_fail(c, SPAWN_GID, 127);
    if (syscall(SYS_setresuid, c->uid, c->uid, c->uid) < 0)
        child_fail(c, SPAWN_UID, 127);
}

/* As the request says, and with the agent's rights: they may raise what the user may not. */
CHILD_CODE static void set_limits(struct child *c)
{
    const struct exec_spec *spec = c->spec;

    if (spec->has_nice && syscall(SYS_setpriority, PRIO_PROCESS, 0, spec->nice) < 0)
        child_fail(c, SPAWN_NICE, 127);
    for (c->limit = 0; c->limit < spec->limit_count; c->limit++) {
        const struct exec_limit *l = &spec->limits[c->limit];
        const uint64_t pair[2] = {l->soft, l->hard}; /* struct rlimit64 */

        if (syscall(SYS_prlimit64, 0, l->resource, pair, NULL) < 0)
            child_fail(c, SPAWN_LIMIT, 127);
    }
}

/* The agent may have been started with some of them ignored. */
CHILD_CODE static void default_signals(const struct child *c)
{
    const uint64_t standard[4] = {0}; /* the kernel's struct sigaction: SIG_DFL */

    for (int i = 0; i < 64; i++)
        if (c->ignored >> i & 1)
            syscall(SYS_rt_sigaction, i + 1, standard, NULL, sizeof(uint64_t));
}

/* As execvp: a permission problem is remembered while the search goes on, a missing file forgotten. */
CHILD_CODE static _Noreturn void run_program(struct child *c)
{
    int errnum = ENOENT;

    for (const char *const *path = c->candidates; *path; path++) {
        syscall(SYS_execve, *path, c->argv, c->envp);
        if (errno == ENOEXEC) { /* a script without "#!" */
            c->shell_argv[1] = (char *)(uintptr_t)*path;
            syscall(SYS_execve, "/bin/sh", c->shell_argv, c->envp);
            errno = ENOEXEC;
        }
        if (errno == EACCES)
            errnum = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR && errno != ENODEV && errno != ESTALE &&
                 errno != ETIMEDOUT) {
            errnum = errno;
            break;
        } else if (errnum == ENOENT) {
            errnum = errno;
        }
    }
    errno = errnum;
    child_fail(c, SPAWN_EXEC, errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP ? 127 : 126);
}

CHILD_CODE static int child_main(void *arg)
{
    struct child *c = arg;
    uint64_t no_signals = 0;

    /* First: until then what it opens or closes is the agent's. */
    if (c->low && c->as_asked && syscall(SYS_close_range, c->around->low->end, ~0U, CLOSE_RANGE_UNSHARE) < 0)
        child_fail(c, SPAWN_PIPE, 127);
    if (!c->as_asked && c->cgroup >= 0)
        enter_cgroup(c);
    if (syscall(SYS_setsid) < 0)
        child_fail(c, SPAWN_SESSION, 127);
    if (c->pty && syscall(SYS_ioctl, c->fds[0], TIOCSCTTY, 0) < 0)
        child_fail(c, SPAWN_PTY, 127);
    for (int i = 0; i < 3; i++)
        if (syscall(SYS_dup3, c->fds[i], i, 0) < 0)
            child_fail(c, SPAWN_PIPE, 127);
    set_oom_score();
    if (c->around->reset_nice)
        syscall(SYS_setpriority, PRIO_PROCESS, 0, 0);
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4));
    if (c->around->reset_nofile)
        syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &c->around->nofile, NULL);
    for (size_t i = 0; i < c->spec->fd_count; i++)
        if (syscall(SYS_fcntl, c->spec->fds[i], F_SETFD, 0) < 0)
            child_fail(c, SPAWN_PIPE, 127);
    set_limits(c);
    if (c->spec->has_umask)
        syscall(SYS_umask, c->spec->umask);
    if (c->change_user)
        become_user(c);
    if (c->spec->no_new_privs && syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        child_fail(c, SPAWN_PRIVILEGES, 127);
    if (syscall(SYS_chdir, c->cwd) < 0)
        child_fail(c, SPAWN_CHDIR, 127);
    default_signals(c);
    /* Last: a signal must find the child as what it will be. */
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
    run_program(c);
}

/* --- preparing it: in the worker ------------------------------------------------------------- */

static int failed(struct spawn *s, enum spawn_stage stage, const char *object)
{
    s->stage = stage;
    snprintf(s->object, sizeof s->object, "%s", object ? object : "");
    return -1;
}

static int exhausted(struct spawn *s, enum spawn_stage stage, int errnum, const char *object)
{
    err_set(&s->error, STATUS_RESOURCE_EXHAUSTED, errnum, "error starting process '%s': %s", s->spec->cmd,
            spawn_stage_name(stage));
    return failed(s, stage, object);
}

static int find_user(struct spawn *s, struct user **out)
{
    const char *name = s->spec->user ? s->spec->user : s->env->default_user;

    if (!*name) {
        err_set(&s->error, STATUS_UNAUTHENTICATED, 0, "no user specified");
        return failed(s, SPAWN_USER, name);
    }
    *out = users_find(name, &s->error);
    if (*out)
        return 0;
    if (s->error.status == STATUS_NOT_FOUND)
        err_set(&s->error, STATUS_UNAUTHENTICATED, 0, "invalid %s: '%s'",
                s->spec->user ? "username" : "default user", name);
    return failed(s, SPAWN_USER, name);
}

/* Sets NAME=value in the table, in place of an earlier one of that name. */
static void set_var(char **table, size_t *n, char *var)
{
    size_t len = (size_t)(strchr(var, '=') - var) + 1;

    for (size_t i = 0; i < *n; i++) {
        if (strncmp(table[i], var, len) == 0) {
            table[i] = var;
            return;
        }
    }
    table[(*n)++] = var;
}

static char *text_var(struct arena *a, const char *name, const char *value)
{
    size_t n = strlen(name), v = strlen(value);
    char *var = arena_alloc(a, n + v + 2);

    if (var) {
        memcpy(var, name, n);
        var[n] = '=';
        memcpy(var + n + 1, value, v + 1);
    }
    return var;
}

/* PATH, HOME, USER, LOGNAME, then the settings' variables, then the request's; the last of a name wins. With path_only of all but the
 * request's the first one alone. */
static char **make_environment(const struct spawn *s, const struct user *u, struct arena *a)
{
    const struct exec_var base[] = {
        {"PATH", s->env->path}, {"HOME", u->home}, {"USER", u->name}, {"LOGNAME", u->name}};
    const char *hidden = s->spec->hidden;
    char **table =
        arena_array(a, ARRAY_LEN(base) + s->env->var_count + s->spec->var_count + 1, sizeof *table);
    size_t bases = s->spec->path_only ? 1 : ARRAY_LEN(base);
    size_t common = s->spec->path_only ? 0 : s->env->var_count, n = 0;

    for (size_t i = 0; table && i < bases; i++) {
        char *var = text_var(a, base[i].name, base[i].value);

        if (!var)
            return NULL;
        set_var(table, &n, var);
    }
    for (size_t i = 0; table && i < common; i++)
        if (!hidden || strncmp(s->env->vars[i], hidden, strlen(hidden)) != 0)
            set_var(table, &n, s->env->vars[i]);
    for (size_t i = 0; table && i < s->spec->var_count; i++) {
        char *var = text_var(a, s->spec->vars[i].name, s->spec->vars[i].value);

        if (!var)
            return NULL;
        set_var(table, &n, var);
    }
    return table;
}

/* The paths to try: the program itself when it names a path, else it in each folder of the child's PATH. */
static const char **make_candidates(const char *cmd, char *const *envp, struct arena *a)
{
    const char *path = "", **list;
    size_t n = 0, folders = 1;

    if (strchr(cmd, '/') || !*cmd) {
        list = arena_array(a, 2, sizeof *list);
        if (list && *cmd)
            list[0] = cmd;
        return list;
    }
    for (; *envp; envp++)
        if (strncmp(*envp, "PATH=", 5) == 0)
            path = *envp + 5;
    for (const char *p = path; *p; p++)
        folders += *p == ':';
    list = arena_array(a, folders + 1, sizeof *list);
    if (!list)
        return NULL;
    for (;;) {
        size_t len = strcspn(path, ":"), cmd_len = strlen(cmd);
        char *candidate = arena_alloc(a, len + cmd_len + 2);

        if (!candidate)
            return NULL;
        memcpy(candidate, path, len);
        if (len > 0) /* an empty folder is the working directory */
            candidate[len++] = '/';
        memcpy(candidate + len, cmd, cmd_len + 1);
        list[n++] = candidate;
        path += strcspn(path, ":");
        if (!*path++)
            return list;
    }
}

static int make_argv(const struct exec_spec *spec, struct child *c, struct arena *a)
{
    char **argv = arena_array(a, spec->arg_count + 2, sizeof *argv);
    char **shell = arena_array(a, spec->arg_count + 3, sizeof *shell);

    if (!argv || !shell)
        return -1;
    argv[0] = (char *)(uintptr_t)spec->cmd;
    shell[0] = (char *)(uintptr_t) "/bin/sh";
    for (size_t i = 0; i < spec->arg_count; i++)
        argv[i + 1] = shell[i + 2] = (char *)(uintptr_t)spec->args[i];
    c->argv = argv;
    c->shell_argv = shell;
    return 0;
}

/* A pipe whose `ours` end does not block. */
static int make_pipe(int *ours, int *theirs, bool we_write)
{
    int fd[2];

    if (pipe2(fd, O_CLOEXEC) < 0)
        return -1;
    *ours = fd[we_write];
    *theirs = fd[!we_write];
    return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int make_pipes(struct spawn *s, int theirs[3])
{
    if (s->spec->stdin_pipe && make_pipe(&s->input, &theirs[0], true) < 0)
        return exhausted(s, SPAWN_PIPE, errno, "stdin");
    if (make_pipe(&s->output[0], &theirs[1], false) < 0)
        return exhausted(s, SPAWN_PIPE, errno, "stdout");
    if (make_pipe(&s->output[1], &theirs[2], false) < 0)
        return exhausted(s, SPAWN_PIPE, errno, "stderr");
    return 0;
}

/* The terminal belongs to the user and the group tty, as login makes it; its size is set before anybody can
 * ask. */
static int make_pty(struct spawn *s, const struct user *u, const char *cwd, int *slave)
{
    struct winsize size = {
        .ws_col = s->spec->cols ? s->spec->cols : 80,
        .ws_row = s->spec->rows ? s->spec->rows : 24,
    };
    gid_t tty;
    int unlock = 0;
    const char *what = "/dev/ptmx";

    /* The one inside /dev/pts belongs to that instance for sure; /dev/ptmx may be bound to another's. */
    s->output[0] = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (s->output[0] < 0)
        s->output[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (s->output[0] >= 0) {
        what = "terminal";
        if (ioctl(s->output[0], TIOCSPTLCK, &unlock) == 0)
            *slave = ioctl(s->output[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    if (*slave >= 0 && ioctl(*slave, TIOCSWINSZ, &size) == 0) {
        /* Best effort: an unprivileged agent cannot give files away. */
        if (fchown(*slave, u->uid, users_group("tty", &tty, NULL) == 0 ? tty : u->gid) == 0)
            (void)!fchmod(*slave, 0620);
        return 0;
    }
    err_set(&s->error, STATUS_RESOURCE_EXHAUSTED, errno,
            "error starting pty with command '%s' in dir '%s' with '%u' cols and '%u' rows", s->spec->cmd,
            cwd, s->spec->cols, s->spec->rows);
    return failed(s, SPAWN_PTY, what);
}

/* The command line as the errors of the contract show it. */
static void command_line(const struct exec_spec *spec, char out[256])
{
    size_t n = (size_t)snprintf(out, 256, "%s", spec->cmd);

    for (size_t i = 0; i < spec->arg_count && n < 255; i++)
        n += (size_t)snprintf(out + n, 256 - n, " %s", spec->args[i]);
}

/* The kernel would not set what the request wants. */
static int refused(struct spawn *s, const struct child *c, const char *what)
{
    err_set(&s->error,
            c->errnum == EPERM || c->errnum == EACCES ? STATUS_PERMISSION_DENIED : STATUS_INVALID_ARGUMENT,
            c->errnum, "error starting process '%s': set %s", s->spec->cmd, what);
    return failed(s, c->stage, what);
}

/* The kernel had no room for it, whatever it was asked for. */
static bool is_shortage(int errnum)
{
    return errnum == ENOMEM || errnum == EAGAIN || errnum == EMFILE || errnum == ENFILE;
}

/* Turns what the child reported into an error, or into an end of the process. err_fd: where its stderr
 * goes. */
static int judge(struct spawn *s, const struct child *c, int err_fd)
{
    char line[256];

    s->stage = c->stage;
    switch (c->stage) {
    case SPAWN_OK:
        return 0;
    case SPAWN_EXEC:
        if (c->errnum == E2BIG) {
            err_set(&s->error, STATUS_INVALID_ARGUMENT, E2BIG,
                    "error starting process '%s': arguments and environment", s->spec->cmd);
            return failed(s, SPAWN_EXEC, s->spec->cmd);
        }
        if (is_shortage(c->errnum))
            return exhausted(s, SPAWN_EXEC, c->errnum, s->spec->cmd);
        if (s->spec->must_run) {
            err_set(&s->error, STATUS_FAILED_PRECONDITION, c->errnum, "%s", s->spec->cmd);
            return failed(s, SPAWN_EXEC, s->spec->cmd);
        }
        /* We still hold the other end of its stderr, and nobody else has written there: it cannot block. */
        dprintf(err_fd, "guestd: exec: %.255s: %s\n", s->spec->cmd, errno_text(c->errnum));
        s->stage = SPAWN_OK;
        return 0;
    case SPAWN_CHDIR:
        if (is_shortage(c->errnum))
            return exhausted(s, SPAWN_CHDIR, c->errnum, c->cwd);
        if (c->errnum == ENOENT) {
            err_set(&s->error, STATUS_INVALID_ARGUMENT, 0, "cwd '%s' does not exist", c->cwd);
        } else {
            command_line(s->spec, line);
            err_set(&s->error, STATUS_INVALID_ARGUMENT, c->errnum,
                    "error starting process '%s': fork/exec %s", line, s->spec->cmd);
        }
        return failed(s, SPAWN_CHDIR, c->cwd);
    case SPAWN_LIMIT:
        return refused(s, c, exec_limit_name(s->spec->limits[c->limit].resource));
    case SPAWN_NICE:
    case SPAWN_PRIVILEGES:
        return refused(s, c, spawn_stage_name(c->stage));
    case SPAWN_GROUPS:
    case SPAWN_GID:
    case SPAWN_UID:
        if (is_shortage(c->errnum))
            return exhausted(s, c->stage, c->errnum, "");
        err_set(&s->error, STATUS_PERMISSION_DENIED, c->errnum,
                "error starting process '%s': change to uid %u", s->spec->cmd, c->uid);
        return failed(s, c->stage, "");
    default:
        return exhausted(s, c->stage, c->errnum, "");
    }
}

/* The user's groups and those of the request. */
static int add_groups(struct spawn *s, struct child *c, struct arena *a)
{
    const struct exec_spec *spec = s->spec;
    gid_t *all;

    if (spec->group_count == 0)
        return 0;
    all = arena_array(a, c->group_count + spec->group_count, sizeof *all);
    if (!all)
        return exhausted(s, SPAWN_GROUPS, ENOMEM, "");
    memcpy(all, c->groups, c->group_count * sizeof *all);
    for (size_t i = 0; i < spec->group_count; i++) {
        if (users_group(spec->groups[i], &all[c->group_count], &s->error) < 0) {
            if (s->error.status == STATUS_NOT_FOUND)
                s->error.status = STATUS_INVALID_ARGUMENT;
            err_wrap(&s->error, "error starting process '%s'", spec->cmd);
            return failed(s, SPAWN_GROUPS, spec->groups[i]);
        }
        c->group_count++;
    }
    c->groups = all;
    return 0;
}

static int start(struct spawn *s, const struct user *u, const char *cwd, int cgroup, struct arena *a)
{
    _Alignas(16) char stack[CHILD_STACK];
    CLEANUP_FD int in = -1, out = -1, err = -1;
    int theirs[3] = {-1, -1, -1};
    struct lowfds_set *set = NULL;
    struct child c = {
        .pty = s->spec->pty,
        .cgroup = cgroup,
        .change_user = s->around->uid == 0 || u->uid != s->around->uid,
        .uid = u->uid,
        .gid = u->gid,
        .group_count = u->group_count,
        .groups = u->groups,
        .cwd = cwd,
        .around = s->around,
        .spec = s->spec,
        .ignored = signals_ignored(),
    };
    int ret;

    if (add_groups(s, &c, a) < 0)
        return -1;
    c.envp = make_environment(s, u, a);
    c.candidates = c.envp ? make_candidates(s->spec->cmd, c.envp, a) : NULL;
    if (!c.candidates || make_argv(s->spec, &c, a) < 0)
        return exhausted(s, SPAWN_ENVIRONMENT, ENOMEM, "");
    ret = s->spec->pty ? make_pty(s, u, cwd, &theirs[0]) : make_pipes(s, theirs);
    in = theirs[0];
    out = theirs[1];
    err = theirs[2];
    if (ret < 0)
        return -1;
    c.fds[0] = in >= 0 ? in : s->around->null_fd;
    c.fds[1] = s->spec->pty ? in : out;
    c.fds[2] = s->spec->pty ? in : err;
    /* What it takes along under its own number is not below. */
    c.low = s->around->low && s->spec->fd_count == 0 && lowfds_lend(s->around->low, c.fds, &set);
    if (clone_child(child_main, &c, stack, sizeof stack, cgroup, c.low, &s->pid, &c.as_asked) < 0)
        ret = exhausted(s, SPAWN_CLONE, errno, "");
    else
        ret = judge(s, &c, c.fds[2]);
    lowfds_return(s->around->low, set);
    return ret;
}

static void run(struct job *j)
{
    struct spawn *s = CONTAINER_OF(j, struct spawn, job);
    struct arena a = {.max = DECODE_MAX};
    CLEANUP_FD int cgroup = -1;
    struct user *u = NULL;
    char *cwd = NULL;

    if (find_user(s, &u) == 0) {
        cwd = path_resolve(s->spec->cwd, u->home, s->env->workdir, &s->error);
        if (!cwd)
            failed(s, SPAWN_CWD, s->spec->cwd);
    }
    if (cwd && s->class != CGROUP_NONE && cgroups_open(s->around->cgroups)) {
        cgroup = cgroup_leaf_make(s->around->cgroups, s->class, s->id);
        s->leaf_made = cgroup >= 0;
        if (cgroup < 0) {
            exhausted(s, SPAWN_CGROUP, errno, s->id);
            free(TAKE(cwd));
        }
    }
    if (cwd)
        start(s, u, cwd, cgroup, &a);
    exec_spec_close(s->spec);
    free(cwd);
    free(u);
    arena_clear(&a);
}

struct spawn *spawn_new(const struct spawn_surroundings *around, struct exec_spec *spec,
                        struct guest_env *env, enum cgroup_class class)
{
    struct spawn *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->job.run = run;
    s->around = around;
    s->spec = spec;
    s->env = guest_env_ref(env);
    s->class = class;
    s->input = s->output[0] = s->output[1] = -1;
    return s;
}

void spawn_free(struct spawn *s)
{
    fd_close(&s->input);
    fd_close(&s->output[0]);
    fd_close(&s->output[1]);
    guest_env_unref(s->env);
    exec_spec_free(s->spec);
    free(s);
}
