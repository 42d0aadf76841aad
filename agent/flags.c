#include "flags.h"

#include <stdio.h>

#include "core/limits.h"
#include "guest/paths.h"

enum id {
    LISTEN = 1,
    TCP,
    OPEN,
    VSOCK_ALLOW,
    TOKEN_FILE,
    REQUIRE_TOKEN,
    RUN_DIR,
    COMPAT,
    DEFAULT_USER,
    CGROUP_ROOT,
    NO_CGROUPS,
    RING,
    RING_TOTAL,
    MAX_CONNECTIONS,
    KEEP_PROCESSES,
    INIT,
    KILL,
    FILES_AS,
    STACYVM_TIMEOUT,
    LOG_LEVEL,
    LOG_FORMAT,
    SHOW_LIMITS,
    CHECK,
    VERSION,
    HELP,
    PORT,
    ISNOTFC,
    COMMIT,
    VERBOSE,
};

static const struct option table[] = {
    {LISTEN, "listen", 'l', "ADDRESS",
     "listen there: [stacyvm@] vsock:[CID:]PORT, unix:PATH, tcp:HOST:PORT; may be repeated", false},
    {TCP, "tcp", 0, NULL, "also on tcp:127.0.0.1:49983, with a token of its own printed to stderr", false},
    {OPEN, "open", 0, NULL, "TCP listeners need no token: whoever can connect is root", false},
    {VSOCK_ALLOW, "vsock-allow", 0, "CID",
     "this vsock peer may call too, host calls excepted; may be repeated", false},
    {TOKEN_FILE, "token-file", 0, "FILE", "callers must show the token in FILE", false},
    {REQUIRE_TOKEN, "require-token", 0, NULL, "serve nothing but /health and /init before a token is set",
     false},
    {RUN_DIR, "run-dir", 0, "DIR", "state that a restart must find; on a tmpfs (default /run/guestd)", false},
    {COMPAT, "compat", 0, "e2b|wrenn", "whose agent to stand in for where both cannot be (default e2b)",
     false},
    {DEFAULT_USER, "default-user", 'u', "NAME", "run processes as NAME unless the caller says otherwise",
     false},
    {CGROUP_ROOT, "cgroup-root", 0, "DIR", "make the processes' cgroups below DIR", false},
    {NO_CGROUPS, "no-cgroups", 0, NULL, "make no cgroups", false},
    {RING, "ring", 0, "BYTES", "keep so much output of each process (default 1 MiB)", false},
    {RING_TOTAL, "ring-total", 0, "BYTES", "and of all (default 32 MiB, at most 1/16 of RAM)", false},
    {MAX_CONNECTIONS, "max-connections", 0, "N", "at the same time (default 1000)", false},
    {KEEP_PROCESSES, "keep-processes", 0, NULL, "leave processes running when the agent ends", false},
    {INIT, "init", 0, NULL, "be the init of a container: run the program behind --, and end with it", false},
    {KILL, "kill", 0, "tree|leader", "whom SIGKILL and a process's deadline reach by default (default tree)",
     false},
    {FILES_AS, "files-as", 0, "root|user",
     "who opens and makes files: guestd, or the caller's user (default root)", false},
    {STACYVM_TIMEOUT, "stacyvm-timeout", 0, "SECONDS",
     "kill what StacyVM's host has started after so long (default 300)", false},
    {LOG_LEVEL, "log-level", 0, "LEVEL", "debug, info, warn, error or off (default info)", false},
    {LOG_FORMAT, "log-format", 0, "text|json", "how log lines look (default text)", false},
    {SHOW_LIMITS, "limits", 0, NULL, "print every limit with its reason, and exit", false},
    {CHECK, "check", 0, NULL, "say what the kernel and the image lack and what that costs, and exit", false},
    {VERSION, "version", 0, NULL, "print guestd's version, and exit", false},
    {HELP, "help", 'h', NULL, "print this, and exit", false},
    /* envd's: one of these, written with one dash, makes guestd listen as envd does */
    {PORT, "port", 0, "N", "envd: listen on this TCP port of every address, open", true},
    {ISNOTFC, "isnotfc", 0, NULL, "envd: do not look for Firecracker's metadata service", true},
    {COMMIT, "commit", 0, NULL, "envd: print the commit, and exit", true},
    {VERBOSE, "verbose", 0, NULL, "envd: log level debug", true},
};

const struct option *flags_table(size_t *count)
{
    *count = ARRAY_LEN(table);
    return table;
}

static int parse_compat(const char *value, enum compat *compat, struct err *e)
{
    if (strcmp(value, "e2b") != 0 && strcmp(value, "wrenn") != 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "option '--compat': '%s' is neither e2b nor wrenn",
                       value);
    *compat = *value == 'w' ? COMPAT_WRENN : COMPAT_E2B;
    return 0;
}

static int parse_kill(const char *value, bool *leader, struct err *e)
{
    if (strcmp(value, "tree") != 0 && strcmp(value, "leader") != 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "option '--kill': '%s' is neither tree nor leader",
                       value);
    *leader = *value == 'l';
    return 0;
}

static int parse_log(struct flags *f, int id, const char *value, struct err *e)
{
    int level = log_level_from_name(value);

    if (id == LOG_LEVEL && level < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "option '--log-level': '%s' is no level", value);
    if (id == LOG_FORMAT && strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "option '--log-format': '%s' is neither text nor json",
                       value);
    if (id == LOG_LEVEL)
        f->log_level = (enum log_level)level;
    else
        f->log_format = *value == 'j' ? LOG_JSON : LOG_TEXT;
    return 0;
}

/* Takes over one option. Returns 0 or -1. */
static int take(struct flags *f, const struct options *o, int id, const char *value, struct err *e)
{
    uint64_t n = 0;

    switch ((enum id)id) {
    case LISTEN:
        if (f->listen_count == FLAGS_LISTEN_MAX)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "option '--listen': more than %d",
                           FLAGS_LISTEN_MAX);
        f->listen[f->listen_count++] = value;
        return 0;
    case TCP:
        f->tcp = true;
        return 0;
    case OPEN:
        f->open = true;
        return 0;
    case VSOCK_ALLOW:
        if (f->vsock_allow_count == FLAGS_LISTEN_MAX)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "option '--vsock-allow': more than %d",
                           FLAGS_LISTEN_MAX);
        if (options_number(o, value, 0, UINT32_MAX, &n, e) < 0)
            return -1;
        f->vsock_allow[f->vsock_allow_count++] = (uint32_t)n;
        return 0;
    case TOKEN_FILE:
        f->token_file = value;
        return 0;
    case REQUIRE_TOKEN:
        f->require_token = true;
        return 0;
    case RUN_DIR:
        f->run_dir = value;
        return 0;
    case COMPAT:
        f->compat_named = true;
        return parse_compat(value, &f->compat, e);
    case DEFAULT_USER:
        f->default_user = value;
        return 0;
    case CGROUP_ROOT:
        f->cgroup_root = value;
        return 0;
    case NO_CGROUPS:
        f->cgroups = false;
        return 0;
    case RING:
        if (options_number(o, value, SEG_SIZE, 1u << 30, &n, e) < 0)
            return -1;
        f->ring = (size_t)n;
        return 0;
    case RING_TOTAL:
        if (options_number(o, value, 16ull * SEG_SIZE, 1ull << 34, &n, e) < 0)
            return -1;
        f->ring_total = (size_t)n;
        return 0;
    case MAX_CONNECTIONS:
        if (options_number(o, value, 2, 60000, &n, e) < 0)
            return -1;
        f->max_connections = (uint32_t)n;
        return 0;
    case KEEP_PROCESSES:
        f->keep_processes = true;
        return 0;
    case INIT:
        f->init = true;
        return 0;
    case KILL:
        return parse_kill(value, &f->kill_leader, e);
    case FILES_AS:
        f->files_as_user = strcmp(value, "user") == 0;
        if (!f->files_as_user && strcmp(value, "root") != 0)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                           "option '--files-as': '%s' is neither root nor user", value);
        return 0;
    case STACYVM_TIMEOUT:
        if (options_number(o, value, 1, UINT32_MAX, &n, e) < 0)
            return -1;
        f->stacyvm_timeout_s = (uint32_t)n;
        return 0;
    case LOG_LEVEL:
    case LOG_FORMAT:
        return parse_log(f, id, value, e);
    case SHOW_LIMITS:
        f->limits = true;
        return 0;
    case CHECK:
        f->check = true;
        return 0;
    case VERSION:
        if (o->found_single)
            f->told_version = true;
        else
            f->version = true;
        return 0;
    case HELP:
        f->help = true;
        return 0;
    case PORT:
        if (options_number(o, value, 0, 65535, &n, e) < 0)
            return -1;
        f->port = (uint16_t)n;
        return 0;
    case ISNOTFC:
        f->isnotfc = true;
        return 0;
    case COMMIT:
        f->commit = true;
        return 0;
    case VERBOSE:
        f->log_level = LOG_DEBUG;
        return 0;
    }
    return 0;
}

void flags_init(struct flags *f, const char *name)
{
    *f = (struct flags){
        .port = FLAGS_PORT,
        .cgroups = true,
        .max_connections = CONNECTIONS_MAX,
        .log_level = LOG_INFO,
        .envd = name && bytes_are(path_base(name), "envd"),
        .stacyvm = name && bytes_are(path_base(name), "stacyvm-agent"),
        .stacyvm_timeout_s = STACYVM_EXEC_S,
    };
}

/* Whether the word makes guestd listen as envd does. */
static bool is_envds(const struct options *o, int id)
{
    return o->found_single && (o->found->foreign || id == NO_CGROUPS || id == CGROUP_ROOT || id == VERSION);
}

/* Whether the options ended at a "--". */
static bool at_dashes(const struct options *o)
{
    return o->at > 1 && strcmp(o->argv[o->at - 1], "--") == 0;
}

bool flags_have_command(int argc, char **argv)
{
    bool init = false;

    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--") == 0 && init)
            return true;
        init |= strcmp(argv[i], "--init") == 0;
    }
    return false;
}

int flags_parse(struct flags *f, int argc, char **argv, struct boot *boot, struct err *e)
{
    struct options o = {
        .table = table, .count = ARRAY_LEN(table), .argc = argc, .argv = argv, .at = 1, .single_dash = true};
    const char *value;

    for (;;) {
        int id = options_next(&o, &value, e);

        if (id == OPTIONS_END) {
            if (o.at >= argc)
                return 0;
            if (f->init && at_dashes(&o)) {
                f->command = argv + o.at;
                return 0;
            }
            if (!boot)
                return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is not an option", argv[o.at]);
            o.at += argv[o.at][0] != '-' || !argv[o.at][1]; /* else "--" was passed, and options go on */
        } else if (id != OPTIONS_ERROR && take(f, &o, id, value, e) == 0) {
            f->envd |= is_envds(&o, id);
        } else if (boot) {
            boot_problem(boot, "%s", e->text);
        } else {
            return -1;
        }
    }
}

int flags_take_setting(void *flags, const char *key, char **words, unsigned count, struct err *e)
{
    struct options o = {.table = table, .count = ARRAY_LEN(table)};

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        o.found = &table[i];
        if (strcmp(key, table[i].name) != 0 || table[i].foreign)
            continue;
        if (count != (table[i].arg ? 1 : 0))
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%s: it takes %s", key,
                           table[i].arg ? table[i].arg : "nothing");
        return take(flags, &o, table[i].id, count > 0 ? words[0] : "", e) < 0 ? -1 : 1;
    }
    return 0;
}

void flags_forget_settings(void *flags)
{
    struct flags *f = flags;

    flags_init(f, f->envd ? "envd" : NULL);
}

void flags_print_help(void)
{
    puts("guestd [OPTIONS]: the agent inside a microVM\n");
    options_help(table, ARRAY_LEN(table), stdout);
    puts(
        "\nWithout --listen: as PID 1 vsock:49983; as envd tcp:[::]:49983; else unix:/run/guestd.sock; and "
        "vsock where\n"
        "there is one; as stacyvm-agent stacyvm@vsock:1024, too. guestctl(1) calls it. guestd(8) says more.");
}

void flags_print_limits(void)
{
#define X(name, value, unit, reason) printf("%-22s %10u %-12s %s\n", #name, (unsigned)(value), unit, reason);
    LIMITS(X)
#undef X
}
