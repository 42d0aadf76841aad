/* exec: a command in the guest, with our standard streams as its own: from options to a request and a session. */
#include <stdio.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/limits.h"
#include "ctl/kill.h"
#include "ctl/session.h"
#include "ctl/terminal.h"
#include "ctl/verbs.h"

#define LIMITS_MAX 16 /* of --limit: StartOptions.limits */
#define GROUPS_MAX 32 /* of --group: StartOptions.extra_groups */

struct exec_request {
    bool interactive, tty, detach, replay, record, leave_on_exit, keep_given;
    const char *workdir, *user, *tag, *detach_keys;
    uint64_t timeout_ms;
    const char *vars[ENV_VARS_MAX];
    size_t var_count;
    const char *command;
    char **args;
    size_t arg_count;
    Process__StartOptions options; /* sent when it says something */
    Process__MaxOutput max_output; /* of options, when bytes > 0 */
    Process__ResourceLimit limits[LIMITS_MAX], *limit_list[LIMITS_MAX];
    char *groups[GROUPS_MAX];
};

/* --- options --------------------------------------------------------------------------------- */

/* A whole number in [min, max], of the base. Returns 0, or -1 with *e that says so of `what`. */
static int parse_whole(const char *what, const char *text, int base, long min, long max, long *out,
                       struct err *e)
{
    char *end;

    *out = strtol(text, &end, base);
    if (end == text || *end || *out < min || *out > max)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is no %s", text, what);
    return 0;
}

/* "unlimited", or a number that ends at `stop`. */
static int parse_amount(struct bytes text, uint64_t *out)
{
    uint64_t v = 0;

    *out = UINT64_MAX;
    if (bytes_are(text, "unlimited"))
        return 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(text.ptr[i] - '0'), &v))
            return -1;
    *out = v;
    return text.len > 0 ? 0 : -1;
}

/* NAME=SOFT[:HARD]. The word is cut behind the name, which the request keeps. */
static int add_limit(struct exec_request *r, const char *value, struct err *e)
{
    size_t n = r->options.n_limits, name = strcspn(value, "="), soft;
    Process__ResourceLimit *limit = &r->limits[n];
    const char *amounts = value + name + 1;

    if (n == LIMITS_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "more than %d limits", LIMITS_MAX);
    process__resource_limit__init(limit);
    if (name == 0 || !value[name])
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is no limit (nofile=1024:4096)", value);
    soft = strcspn(amounts, ":");
    if (parse_amount((struct bytes){amounts, soft}, &limit->soft) < 0 ||
        parse_amount(bytes_of(amounts[soft] ? amounts + soft + 1 : amounts), &limit->hard) < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is no limit (nofile=1024:4096)", value);
    limit->name = strndup(value, name);
    if (!limit->name)
        return err_nomem(e, "read a limit");
    r->limit_list[n] = limit;
    r->options.limits = r->limit_list;
    r->options.n_limits++;
    return 0;
}

static int add_group(struct exec_request *r, const char *value, struct err *e)
{
    if (r->options.n_extra_groups == GROUPS_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "more than %d groups", GROUPS_MAX);
    r->groups[r->options.n_extra_groups++] = (char *)(uintptr_t)value;
    r->options.extra_groups = r->groups;
    return 0;
}

static int add_var(struct exec_request *r, const char *value, struct err *e)
{
    if (r->var_count == ENV_VARS_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "too many variables");
    r->vars[r->var_count++] = value;
    return 0;
}

static int set_keep(struct exec_request *r, const char *value, struct err *e)
{
    r->keep_given = true;
    r->max_output.keep = strcmp(value, "tail") == 0 ? PROCESS__MAX_OUTPUT__KEEP__KEEP_TAIL
                                                    : PROCESS__MAX_OUTPUT__KEEP__KEEP_HEAD;
    if (strcmp(value, "tail") != 0 && strcmp(value, "head") != 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is neither head nor tail", value);
    return 0;
}

/* One option that says how the program is started: of StartOptions. Returns 0, or -1 with *e. */
static int start_option(struct exec_request *r, const struct options *o, int id, const char *value,
                        struct err *e)
{
    Process__StartOptions *s = &r->options;
    long v = 0;

    switch (id) {
    case EXEC_KEY:
        s->idempotency_key = (char *)(uintptr_t)value;
        return 0;
    case EXEC_NO_NEW_PRIVS:
        s->no_new_privs = true;
        return 0;
    case EXEC_UMASK:
        s->_umask_case = PROCESS__START_OPTIONS___UMASK_UMASK;
        if (parse_whole("umask (0 to 0777, octal)", value, 8, 0, 0777, &v, e) < 0)
            return -1;
        s->umask = (uint32_t)v;
        return 0;
    case EXEC_NICE:
        s->_nice_case = PROCESS__START_OPTIONS___NICE_NICE;
        if (parse_whole("nice value (-20 to 19)", value, 10, -20, 19, &v, e) < 0)
            return -1;
        s->nice = (int32_t)v;
        return 0;
    case EXEC_LIMIT:
        return add_limit(r, value, e);
    case EXEC_GROUP:
        return add_group(r, value, e);
    case EXEC_KILL_TARGET:
        return kill_parse_target(value, &s->kill_target, e);
    case EXEC_GRACE:
        return kill_parse_grace(value, &s->grace_ms, e);
    case EXEC_KILL_ON_DISCONNECT:
        s->kill_on_disconnect = true;
        return 0;
    case EXEC_MAX_OUTPUT:
        s->max_output = &r->max_output;
        return options_number(o, value, 1, UINT64_MAX, &r->max_output.bytes, e);
    default: /* EXEC_KEEP */
        return set_keep(r, value, e);
    }
}

/* One option that says what is run and how it is shown, or else start_option. */
static int option(struct exec_request *r, const struct options *o, int id, const char *value, struct err *e)
{
    switch (id) {
    case EXEC_INTERACTIVE:
        r->interactive = true;
        return 0;
    case EXEC_TTY:
        r->tty = true;
        return 0;
    case EXEC_DETACH:
        r->detach = true;
        return 0;
    case EXEC_ENV:
        return add_var(r, value, e);
    case EXEC_WORKDIR:
        r->workdir = value;
        return 0;
    case EXEC_USER:
        r->user = value;
        return strlen(value) <= CLIENT_USER_MAX
                   ? 0
                   : err_set(e, STATUS_INVALID_ARGUMENT, 0, "no user has such a long name");
    case EXEC_TAG:
        r->tag = value;
        return 0;
    case EXEC_TIMEOUT:
        return ctl_duration(value, &r->timeout_ms, e);
    case EXEC_RECORD:
        r->record = true;
        return 0;
    case EXEC_LEAVE_ON_EXIT:
        r->leave_on_exit = true;
        return 0;
    case EXEC_REPLAY:
        r->replay = true;
        return 0;
    case EXEC_DETACH_KEYS:
        r->detach_keys = value;
        return 0;
    default:
        return start_option(r, o, id, value, e);
    }
}

/* Why these options do not go together; NULL: they do. */
static const char *contradiction(const struct exec_request *r)
{
    if (r->detach && (r->interactive || r->tty))
        return "--detach goes with neither -i nor -t";
    if (r->detach && (r->replay || r->record || r->leave_on_exit || r->options.kill_on_disconnect))
        return "--detach goes with neither --replay, --record, --leave-on-exit nor --kill-on-disconnect";
    if (r->replay && r->options.kill_on_disconnect)
        return "--replay does not go with --kill-on-disconnect";
    if (r->detach_keys && !(r->interactive && r->tty))
        return "--detach-keys goes with -it only";
    if (r->keep_given && !r->options.max_output)
        return "--keep goes with --max-output only";
    return NULL;
}

/* Returns 0 or the exit code. */
static int parse(const struct verb *v, int argc, char **argv, struct exec_request *r)
{
    struct options o = ctl_options(v, argc, argv);
    const char *value, *why;
    struct err e;
    int id;

    memset(r, 0, sizeof *r);
    process__start_options__init(&r->options);
    process__max_output__init(&r->max_output);
    while ((id = options_next(&o, &value, &e)) > 0)
        if (option(r, &o, id, value, &e) < 0)
            return ctl_fail(CTL_FAILED, &e);
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_FAILED, &e);
    if (o.at >= argc)
        return ctl_usage(v, CTL_FAILED, "no command is given");
    r->command = argv[o.at];
    r->args = argv + o.at + 1;
    r->arg_count = (size_t)(argc - o.at - 1);
    why = contradiction(r);
    if (why)
        return ctl_usage(v, CTL_FAILED, why);
    if (r->interactive && r->tty && !isatty(STDIN_FILENO))
        return ctl_say(CTL_FAILED, "the input device is not a terminal (leave out -t)");
    return 0;
}

/* --- starting -------------------------------------------------------------------------------- */

static void set_var(Process__ProcessConfig__EnvsEntry *entry, const char *name, const char *value)
{
    process__process_config__envs_entry__init(entry);
    entry->key = (char *)(uintptr_t)name;
    entry->value = (char *)(uintptr_t)value;
}

/* The variables: "NAME=value", or "NAME" for our own value of it; as docker, what we have not is not set. A terminal's
 * program needs to be told what it is. They lie in the arena; NULL: out of memory. */
static Process__ProcessConfig__EnvsEntry **make_vars(const struct exec_request *r, struct arena *a,
                                                     size_t *count)
{
    Process__ProcessConfig__EnvsEntry *entries = arena_array(a, r->var_count + 1, sizeof *entries);
    Process__ProcessConfig__EnvsEntry **list = arena_array(a, r->var_count + 1, sizeof *list);
    bool term = false;
    size_t n = 0;

    if (!entries || !list)
        return NULL;
    for (size_t i = 0; i < r->var_count; i++) {
        size_t len = strcspn(r->vars[i], "=");
        const char *name = arena_string(a, (struct bytes){r->vars[i], len});
        const char *value = r->vars[i][len] ? r->vars[i] + len + 1 : name ? getenv(name) : NULL;

        if (!name)
            return NULL;
        if (value)
            set_var(&entries[n++], name, value);
        term |= value && strcmp(name, "TERM") == 0;
    }
    if (r->tty && !term) {
        const char *own = getenv("TERM");

        set_var(&entries[n++], "TERM", own && *own ? own : "xterm-256color");
    }
    for (size_t i = 0; i < n; i++)
        list[i] = &entries[i];
    *count = n;
    return list;
}

/* The request's messages, which point to each other and into the words and the arena. */
struct start {
    Process__StartRequest request;
    Process__ProcessConfig config;
    Process__PTY pty;
    Process__PTY__Size size;
    Process__EventOptions events;
};

static void set_terminal(struct start *m)
{
    uint16_t cols, rows;

    terminal_size(&cols, &rows);
    process__pty__init(&m->pty);
    process__pty__size__init(&m->size);
    m->size.cols = cols;
    m->size.rows = rows;
    m->pty.size = &m->size;
    m->request._pty_case = PROCESS__START_REQUEST___PTY_PTY;
    m->request.pty = &m->pty;
}

/* What the events must say for what is wanted; NULL: nothing. */
static Process__EventOptions *make_events(const struct exec_request *r, Process__EventOptions *events)
{
    process__event_options__init(events);
    events->offsets = r->replay || r->leave_on_exit;
    events->exited = r->leave_on_exit;
    /* A stream that another connection resumes does not say that the time-out was over; the record does. */
    events->exit_record = r->record || (r->timeout_ms && (r->replay || r->leave_on_exit));
    return events->offsets || events->exit_record ? events : NULL;
}

/* The request. Returns 0, or -1 with *e. */
static int make_start(struct exec_request *r, struct start *m, struct arena *a, struct err *e)
{
    process__start_request__init(&m->request);
    process__process_config__init(&m->config);
    m->config.cmd = (char *)(uintptr_t)r->command;
    m->config.args = r->args;
    m->config.n_args = r->arg_count;
    m->config.envs = make_vars(r, a, &m->config.n_envs);
    if (!m->config.envs)
        return err_nomem(e, "start the command");
    if (r->workdir) {
        m->config._cwd_case = PROCESS__PROCESS_CONFIG___CWD_CWD;
        m->config.cwd = (char *)(uintptr_t)r->workdir;
    }
    m->request.process = &m->config;
    if (r->tag) {
        m->request._tag_case = PROCESS__START_REQUEST___TAG_TAG;
        m->request.tag = (char *)(uintptr_t)r->tag;
    }
    m->request._stdin_case = PROCESS__START_REQUEST___STDIN_STDIN;
    m->request.stdin = r->interactive;
    if (r->tty)
        set_terminal(m);
    if (protobuf_c_message_get_packed_size(&r->options.base) > 0)
        m->request.options = &r->options;
    m->request.events = make_events(r, &m->events);
    return 0;
}

int verb_exec(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct exec_request r;
    static struct session s;
    char authorization[CLIENT_AUTHORIZATION_MAX];
    struct client_options options = {0};
    struct arena arena = {.max = DECODE_MAX};
    struct start m;
    struct err e;
    int code = parse(v, argc, argv, &r);

    if (code != 0)
        return code;
    s = (struct session){
        .ctl = c,
        .feeds = r.interactive,
        .terminal = r.tty,
        .prints_pid = r.detach,
        .owns = true,
        .resumes = r.replay,
        .retriable = *r.options.idempotency_key,
        .timed = r.timeout_ms > 0,
        .has_from = true, /* with a --key it may be later than the beginning */
        .shows_record = r.record,
        .leaves_early = r.leave_on_exit,
        .refused = CTL_FAILED,
    };
    if (r.interactive && r.tty && keys_parse(&s.keys, r.detach_keys ? r.detach_keys : KEYS_DEFAULT, &e) < 0)
        return ctl_fail(CTL_FAILED, &e);
    options = (struct client_options){r.timeout_ms, r.user ? authorization : NULL};
    if (client_name_user(r.user, authorization, &e) < 0 || make_start(&r, &m, &arena, &e) < 0)
        code = ctl_fail(CTL_FAILED, &e);
    else
        code = session_run(&s, "process.Process/Start", &options, &m.request.base, &m.events);
    arena_clear(&arena);
    for (size_t i = 0; i < r.options.n_limits; i++)
        free(r.limits[i].name);
    return code;
}
