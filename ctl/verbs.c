#include "ctl/verbs.h"

#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/signame.h"
#include "ctl/keys.h"
#include "ctl/selector.h"
#include "guest/v1/agent.pb-c.h"
#include "process/process.pb-c.h"

/* --- the table ------------------------------------------------------------------------------- */

static const struct option exec_options[] = {
    {EXEC_INTERACTIVE, "interactive", 'i', NULL, "our standard input is the command's", false},
    {EXEC_TTY, "tty", 't', NULL, "give the command a terminal", false},
    {EXEC_ENV, "env", 'e', "NAME[=VALUE]", "set a variable, to our own value of it without one", false},
    {EXEC_WORKDIR, "workdir", 'w', "DIR", "run in DIR; ~ and relative paths begin at the user's home", false},
    {EXEC_USER, "user", 'u', "NAME", "run as NAME", false},
    {EXEC_TIMEOUT, "timeout", 0, "DURATION", "kill it after so long (10s, 500ms, 2m): exit code 124", false},
    {EXEC_DETACH, "detach", 'd', NULL, "print its pid and leave it running", false},
    {EXEC_TAG, "tag", 0, "TAG", "a name for ps, kill, attach and logs", false},
    {EXEC_KEY, "key", 0, "KEY", "start it only once: with the key of one that is there, watch that", false},
    {EXEC_NO_NEW_PRIVS, "no-new-privs", 0, NULL, "no program in it gains rights, sudo included", false},
    {EXEC_UMASK, "umask", 0, "MODE", "its umask, octal (default 022)", false},
    {EXEC_NICE, "nice", 0, "N", "its nice value, -20 to 19 (default 0)", false},
    {EXEC_LIMIT, "limit", 0, "NAME=SOFT[:HARD]",
     "a resource limit (nofile, core, cpu, as, ...), a number or unlimited; may be repeated", false},
    {EXEC_GROUP, "group", 0, "NAME", "a further group; may be repeated", false},
    {EXEC_KILL_TARGET, "kill-target", 0, "WHOM",
     "whom --timeout and --kill-on-disconnect kill: leader, group or tree (default; with -t leader)", false},
    {EXEC_GRACE, "grace", 0, "DURATION", "and they send SIGTERM first, so long before SIGKILL", false},
    {EXEC_KILL_ON_DISCONNECT, "kill-on-disconnect", 0, NULL, "kill it when the connection breaks", false},
    {EXEC_MAX_OUTPUT, "max-output", 0, "BYTES", "show at most so much of its output", false},
    {EXEC_KEEP, "keep", 0, "head|tail", "which part of it (default head)", false},
    {EXEC_RECORD, "record", 0, NULL, "print how it ended to standard error, as JSON", false},
    {EXEC_LEAVE_ON_EXIT, "leave-on-exit", 0, NULL, "do not wait for what its children still write", false},
    {EXEC_REPLAY, "replay", 0, NULL, "when the connection breaks, connect again and go on", false},
    {EXEC_DETACH_KEYS, "detach-keys", 0, "KEYS",
     "with -it: typed, these leave it running (default " KEYS_DEFAULT ")", false},
};

static const struct option attach_options[] = {
    {ATTACH_INTERACTIVE, "interactive", 'i', NULL, "our standard input goes to the process", false},
    {ATTACH_TTY, "tty", 't', NULL, "the process has a terminal", false},
    {ATTACH_REPLAY, "replay", 0, "all|BYTES", "show first all that is kept, or the last so many bytes",
     false},
    {ATTACH_DETACH_KEYS, "detach-keys", 0, "KEYS",
     "with -it: typed, these leave it running (default " KEYS_DEFAULT ")", false},
};

static const struct option logs_options[] = {
    {LOGS_FOLLOW, "follow", 'f', NULL, "go on until the process ends; with the log, until interrupted",
     false},
    {LOGS_TAIL, "tail", 0, "BYTES", "no more than the last so many bytes", false},
    {LOGS_OFFSETS, "offsets", 0, NULL,
     "say on standard error before each piece at which byte it begins, its stream and its length", false},
};

static const struct option kill_options[] = {
    {KILL_SIGNAL, "signal", 's', "SIGNAL", "the signal to send: a name, or 1 to 64 (default TERM)", false},
    {KILL_TARGET, "target", 0, "WHOM", "leader, group or tree (default leader; of SIGKILL tree)", false},
    {KILL_TREE, "tree", 0, NULL, "short for --target tree", false},
    {KILL_GRACE, "grace", 0, "DURATION", "what is still there after so long gets SIGKILL", false},
};

static const struct option bridge_options[] = {
    {BRIDGE_OPEN, "open", 0, NULL, "a tcp address need not be this machine's own", false},
};

static const struct option ping_options[] = {
    {PING_COUNT, "count", 'c', "N", "so many times, a second apart (default 1)", false},
};

static const struct option cp_options[] = {
    {CP_RECURSIVE, "recursive", 'r', NULL, "copy directories with all in them, links as links", false},
    {CP_OWNER, "owner", 0, "USER", "as this user of the guest, who owns what is made there", false},
    {CP_RESUME, "resume", 0, NULL,
     "of a file: go on with what an earlier one left, and leave what came when broken", false},
};

static const struct option ls_options[] = {
    {LS_LONG, "long", 'l', NULL, "with mode, links, owner, group, size and time", false},
    {LS_ALL, "all", 'a', NULL, "names that begin with a dot too", false},
    {LS_SLASH, "slash", 'p', NULL, "a slash behind the names of directories", false},
    {LS_DIRECTORY, "directory", 'd', NULL, "directories themselves, not what is in them", false},
};

static const struct option stat_options[] = {
    {STAT_FOLLOW, "dereference", 'L', NULL, "of a link what it leads to", false},
};

static const struct option rm_options[] = {
    {RM_RECURSIVE, "recursive", 'r', NULL, "directories with all in them", false},
    {RM_FORCE, "force", 'f', NULL, "what is not there is no error", false},
};

static const struct option mkdir_options[] = {
    {MKDIR_PARENTS, "parents", 'p', NULL, "and those above it; one that is there is no error", false},
    {MKDIR_MODE, "mode", 'm', "MODE", "its permission bits, octal (default 755)", false},
};

static const struct option chmod_options[] = {
    {CHMOD_RECURSIVE, "recursive", 'R', NULL, "and all below it, except links", false},
};

static const struct option watch_options[] = {
    {WATCH_RECURSIVE, "recursive", 'r', NULL, "and all directories below it", false},
    {WATCH_NETWORK, "network", 0, NULL,
     "also on a network file system, whose other users' changes are not seen", false},
};

static const struct option debug_options[] = {
    {DEBUG_OUTPUT, "output", 'o', "FILE",
     "where it goes, - for standard output (default guestd-debug-TIME.tar.gz)", false},
};

static const struct option doctor_options[] = {
    {DOCTOR_PATIENCE, "patience", 0, "DURATION", "wait so long for each answer (default 5s)", false},
    {DOCTOR_SKEW, "skew", 0, "DURATION", "the clocks may differ by so much (default 2s)", false},
};

#define OPTIONS(table) table, ARRAY_LEN(table)

const struct verb verbs[] = {
    {"exec", "COMMAND [ARG...]", "run a command in the guest",
     "The exit code is the command's; 128 + n when signal n ended it; 127 when it was not found, 126 when\n"
     "it could not be run; 125 when guestctl itself failed; 124 when --timeout was over. Standard output\n"
     "carries the command's standard output and nothing else. With -t what the command writes comes as one\n"
     "stream. Asked to end (SIGINT, SIGTERM, SIGHUP), guestctl sends the command SIGTERM, the second time\n"
     "SIGKILL, and the third time leaves. With --replay the connection may break as long as the agent "
     "lives:\n"
     "guestctl connects again, for 10 s, and no output is lost or comes twice.",
     OPTIONS(exec_options), verb_exec},
    {"attach", SELECTOR_OPERANDS, "watch a process that is there, and feed it",
     "The exit code is that of exec. Asked to end, guestctl leaves and the process stays. With -i the end "
     "of\n"
     "our standard input is that of the process.",
     OPTIONS(attach_options), verb_attach},
    {"logs", "[" SELECTOR_OPERANDS "]",
     "print what is kept of the output of a process, or of the agent's own log",
     "Of a process also for 30 s after its end. Standard output and standard error stay apart. Without one\n"
     "the last 64 KiB of what the agent itself has logged.",
     OPTIONS(logs_options), verb_logs},
    {"ps", "", "list the processes that were started by the agent", NULL, NULL, 0, verb_ps},
    {"kill", SELECTOR_OPERANDS, "send a signal to a process",
     "SIGKILL reaches everything that the process started, unless it has a terminal.", OPTIONS(kill_options),
     verb_kill},
    {"cp", "SRC... DST", "copy files into the guest, out of it, or within it",
     "A path of the guest begins with a colon (cp -r src :/srv), all others are of this machine (./:x is "
     "one\n"
     "with a colon); - is standard input or output. From the guest to the guest the agent copies.\n"
     "Where DST is a directory the sources go into it under their own names (SRC/. means what is in SRC);\n"
     "else it is the new name. DST/ must be a directory, and so must the DST of several sources. Missing\n"
     "directories above DST are made in the guest. Paths of the guest begin at the user's home when they "
     "are\n"
     "relative; : alone is the default directory. Mode and time are kept (without set-user-ID bits on the\n"
     "way out; a directory that is there keeps its own), and a link given as SRC is one with -r, else\n"
     "what it leads to. With -r files, links and directories are copied, a file with two names as two; what\n"
     "is there is replaced, directories are filled. A file gets its name when it is whole, whatever\n"
     "interrupts us. One that fails is told, the others are copied, and the exit code is 1.",
     OPTIONS(cp_options), verb_cp},
    {"ls", "[PATH...]", "list directories of the guest", NULL, OPTIONS(ls_options), verb_ls},
    {"cat", "PATH...", "print files of the guest", NULL, NULL, 0, verb_cat},
    {"stat", "PATH...", "say what the kernel knows of files of the guest", NULL, OPTIONS(stat_options),
     verb_stat},
    {"rm", "PATH...", "remove files of the guest", NULL, OPTIONS(rm_options), verb_rm},
    {"mkdir", "PATH...", "make directories in the guest", NULL, OPTIONS(mkdir_options), verb_mkdir},
    {"mv", "SRC... DST", "rename files of the guest",
     "Into DST where that is a directory, as with cp. Missing directories above DST are made.", NULL, 0,
     verb_mv},
    {"chmod", "MODE PATH...", "change permission bits in the guest, MODE in octal", NULL,
     OPTIONS(chmod_options), verb_chmod},
    {"watch", "PATH", "print what happens in a directory of the guest, a line for each event",
     "create, write, remove, rename (of the old name), chmod, and the name in the directory; overflow when\n"
     "events were lost. It ends when it is interrupted.",
     OPTIONS(watch_options), verb_watch},
    {"git", "VERB [OPTIONS] [OPERAND...]", "run git in the guest: clone, status, commit, push, ...",
     "The guest's own git does it, as the user of the guest. Credentials come from this machine's helper, a "
     "file or standard\n"
     "input, and stay nowhere. What it wrote is shown when it fails. With --json each message of the answer "
     "is one line, bytes\n"
     "in base64, and a failure is {\"error\":{\"reason\":...}}.",
     NULL, 0, verb_git},
    {"bridge", "LISTEN", "let programs on this host reach the agent through a socket here",
     "LISTEN is tcp:HOST:PORT or unix:PATH; port 0 is any. When it listens it prints the address. Whoever "
     "can\n"
     "connect there can do with the guest what guestctl can. It ends on SIGINT and SIGTERM.",
     OPTIONS(bridge_options), verb_bridge},
    {"boot", "", "say how the guest came up: how long it took, and what went wrong", NULL, NULL, 0,
     verb_boot},
    {"info", "", "say what the agent is, where it listens, and what bounds it", NULL, NULL, 0, verb_info},
    {"debug", "", "collect what is known of a guest into one file, without secrets",
     "A tar.gz of doctor's findings, info, limits, boot, connections, processes, metrics and the agent's "
     "log.\n"
     "Arguments and values of variables are not in it, nor tokens and what stands before the @ of a URL. "
     "What\n"
     "the agent does not answer in time (5 s each, 15 s all) is left out and named, and the exit code is 1.",
     OPTIONS(debug_options), verb_debug},
    {"doctor", "", "say what is wrong between here and the agent, a line for each thing",
     "socket, handshake, protocol, token, version, clock, cgroups: ok, bad, a note, or skipped where one\n"
     "before it hides it. The exit code is that of the first bad one: 10 socket, 11 handshake, 12 protocol,\n"
     "13 token, 14 version, 15 clock, 16 cgroups; or 0.",
     OPTIONS(doctor_options), verb_doctor},
    {"ping", "", "ask whether the agent is alive, and how long an answer takes", NULL, OPTIONS(ping_options),
     verb_ping},
    {"call", "SERVICE/METHOD [JSON|-]", "call a method, with JSON in and out",
     "The request is {} unless it is given, or read from standard input (-). Each message of the answer\n"
     "is one line.",
     NULL, 0, verb_call},
    {"completion", "bash|zsh|fish", "print a completion script for a shell",
     "For bash: source <(guestctl completion bash)", NULL, 0, verb_completion},
};
const size_t verb_count = ARRAY_LEN(verbs);

int verbs_signal_of(const char *status)
{
    struct bytes name = bytes_of(status);
    static const char front[] = "signal: ", back[] = " (core dumped)";

    if (strncmp(status, front, sizeof front - 1) != 0)
        return 0;
    name.ptr += sizeof front - 1;
    name.len -= sizeof front - 1;
    if (name.len > sizeof back - 1 &&
        memcmp(name.ptr + name.len - (sizeof back - 1), back, sizeof back - 1) == 0)
        name.len -= sizeof back - 1;
    return signame_number(name);
}

/* A verb without options of its own: any word that looks like one is wrong. Returns the index of its first
 * operand, or -1 after it has said so. */
static int no_options(const struct verb *v, int argc, char **argv, int least, int most)
{
    struct options o = ctl_options(v, argc, argv);
    const char *value;
    struct err e;

    if (options_next(&o, &value, &e) == OPTIONS_ERROR) {
        ctl_fail(CTL_USAGE, &e);
        return -1;
    }
    if (argc - o.at < least || argc - o.at > most) {
        ctl_usage(v, CTL_USAGE, argc - o.at < least ? "an operand is missing" : "too many operands");
        return -1;
    }
    return o.at;
}

static void print_line(struct bytes answer)
{
    printf("%.*s\n", (int)answer.len, answer.ptr);
    fflush(stdout);
}

/* One JSON call whose answers are printed as they come. */
static int print_json(struct ctl *c, const char *method, const char *request)
{
    struct client client;
    struct answer_error e = {.from_agent = false};
    int code = CTL_OK;

    if (client_open(&client, c, &e.err) < 0 || client_call_json(&client, method, request, print_line, &e) < 0)
        code = client_fail(&e);
    client_close(&client);
    return code;
}

/* --- ps -------------------------------------------------------------------------------------- */

/* Text of a guest's, with what would upset a terminal replaced; padded to a column. */
static void print_text(const char *text, int width)
{
    for (; *text; text++, width--)
        putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
    for (; width > 0; width--)
        putchar(' ');
}

static void print_command(const Process__ProcessConfig *config)
{
    print_text(config->cmd, 0);
    for (size_t i = 0; i < config->n_args; i++) {
        putchar(' ');
        print_text(config->args[i], 0);
    }
}

int verb_ps(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    Process__ListRequest m = PROCESS__LIST_REQUEST__INIT;
    struct arena arena = {0};
    struct client client;
    struct answer_error e;
    ProtobufCMessage *answer;
    int code = CTL_OK;

    if (no_options(v, argc, argv, 0, 0) < 0)
        return CTL_USAGE;
    if (c->json)
        return print_json(c, "process.Process/List", "{\"ids\":true}");
    e.from_agent = false;
    m.ids = true;
    if (client_open(&client, c, &e.err) < 0 ||
        client_call(&client, "process.Process/List", &m.base, &process__list_response__descriptor, &arena,
                    &answer, &e) < 0) {
        code = client_fail(&e);
    } else {
        const Process__ListResponse *r = (const Process__ListResponse *)answer;

        printf("%-10s %-20s %-20s %s\n", "PID", "ID", "TAG", "COMMAND");
        for (size_t i = 0; i < r->n_processes; i++) {
            const Process__ProcessInfo *p = r->processes[i];

            char id_text[21] = "-";

            if (p->_id_case)
                snprintf(id_text, sizeof id_text, "%llu", (unsigned long long)p->id);
            printf("%-10u %-20s ", p->pid, id_text);
            print_text(p->_tag_case ? p->tag : "-", 20);
            putchar(' ');
            if (p->config)
                print_command(p->config);
            putchar('\n');
        }
    }
    arena_clear(&arena);
    client_close(&client);
    return code;
}

/* --- info and boot --------------------------------------------------------------------------- */

/* Calls a method that wants to know nothing, and prints what it answers, or with --json that. Returns an exit code. */
static int show(struct ctl *c, const char *method, const ProtobufCMessage *request,
                const ProtobufCMessageDescriptor *answers, void (*print)(const ProtobufCMessage *m))
{
    struct arena arena = {0};
    struct client client;
    struct answer_error e = {.from_agent = false};
    ProtobufCMessage *answer;
    int code = CTL_OK;

    if (c->json)
        return print_json(c, method, "{}");
    if (client_open(&client, c, &e.err) < 0 ||
        client_call(&client, method, request, answers, &arena, &answer, &e) < 0)
        code = client_fail(&e);
    else
        print(answer);
    arena_clear(&arena);
    client_close(&client);
    return code;
}

static void print_info(const ProtobufCMessage *m)
{
    const Guest__V1__GetInfoResponse *r = (const Guest__V1__GetInfoResponse *)m;
    char started[40] = "";

    if (r->started_at)
        clock_rfc3339(r->started_at->seconds, r->started_at->nanos / 1000000 * 1000000, started);
    printf("version      %s%s%s\n", r->version, *r->commit ? " " : "", r->commit);
    printf("told         %s (%s)\n", r->told_version, r->compat);
    printf("pid          %u%s\n", r->pid, r->pid == 1 ? " (init)" : "");
    printf("started      %s\n", started);
    printf("generation   %llu\n", (unsigned long long)r->generation);
    if (r->kernel)
        printf("kernel       %s %s, boot %s\n", r->kernel->release, r->kernel->machine, r->kernel->boot_id);
    printf("cgroups      %s\n", *r->cgroup_root ? r->cgroup_root : "none");
    for (size_t i = 0; i < r->n_listeners; i++)
        printf("%-12s %s\n", i == 0 ? "listens" : "", r->listeners[i]);
    for (size_t i = 0; i < r->n_features; i++)
        printf("%-12s %s\n", i == 0 ? "features" : "", r->features[i]);
    for (size_t i = 0; i < r->n_limits; i++)
        printf("%-12s %-22s %llu %s\n", i == 0 ? "limits" : "", r->limits[i]->name,
               (unsigned long long)r->limits[i]->value, r->limits[i]->unit);
}

int verb_info(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    Guest__V1__GetInfoRequest m = GUEST__V1__GET_INFO_REQUEST__INIT;

    if (no_options(v, argc, argv, 0, 0) < 0)
        return CTL_USAGE;
    return show(c, "guest.v1.Agent/GetInfo", &m.base, &guest__v1__get_info_response__descriptor, print_info);
}

static void print_boot(const ProtobufCMessage *m)
{
    const Guest__V1__GetBootResponse *r = (const Guest__V1__GetBootResponse *)m;
    uint64_t began = r->started_us;

    printf("boot         kernel %.1f ms", (double)began / 1000.);
    for (size_t i = 0; i < r->n_phases; i++) {
        printf(", %s %.1f ms", r->phases[i]->name, (double)(r->phases[i]->end_us - began) / 1000.);
        began = r->phases[i]->end_us;
    }
    putchar('\n');
    for (size_t i = 0; i < r->n_problems; i++)
        printf("%-12s %s\n", i == 0 ? "problems" : "", r->problems[i]);
}

int verb_boot(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    Guest__V1__GetBootRequest m = GUEST__V1__GET_BOOT_REQUEST__INIT;

    if (no_options(v, argc, argv, 0, 0) < 0)
        return CTL_USAGE;
    return show(c, "guest.v1.Agent/GetBoot", &m.base, &guest__v1__get_boot_response__descriptor, print_boot);
}

/* --- ping ------------------------------------------------------------------------------------ */

/* One GET /health on the connection. Returns the time in ns, or 0 with *e. */
static uint64_t ping(struct client *client, struct answer_error *e)
{
    uint64_t start = clock_mono_ns();
    int status = client_get(client, "/health", &e->err);

    if (status < 0)
        return 0;
    if (status != 204 && status != 200) {
        err_set(&e->err, STATUS_UNKNOWN, 0, "%s: not an agent: /health answered %d", client->ctl->target.text,
                status);
        return 0;
    }
    return clock_mono_ns() - start;
}

int verb_ping(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct options o = ctl_options(v, argc, argv);
    struct client client;
    struct answer_error e = {.from_agent = false};
    uint64_t count = 1, ns = 0;
    const char *value;
    int id;

    while ((id = options_next(&o, &value, &e.err)) > 0)
        if (options_number(&o, value, 1, 1000000, &count, &e.err) < 0)
            return ctl_fail(CTL_USAGE, &e.err);
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e.err);
    if (o.at < argc)
        return ctl_usage(v, CTL_USAGE, "too many operands");
    if (client_open(&client, c, &e.err) < 0)
        return client_fail(&e);
    for (uint64_t i = 0; i < count && (i == 0 || ns > 0); i++) {
        if (i > 0)
            sleep(1);
        ns = ping(&client, &e);
        if (ns > 0 && c->json)
            printf("{\"target\":\"%s\",\"ms\":%.3f}\n", c->target.text, (double)ns / 1e6);
        else if (ns > 0)
            printf("%s: alive, %.3f ms\n", c->target.text, (double)ns / 1e6);
        fflush(stdout);
    }
    client_close(&client);
    return ns > 0 ? CTL_OK : client_fail(&e);
}

/* --- call ------------------------------------------------------------------------------------ */

static char *read_stdin(void)
{
    size_t len = 0, cap = 65536;
    char *text = malloc(cap + 1);
    size_t n;

    while (text && (n = fread(text + len, 1, cap - len, stdin)) > 0) {
        len += n;
        if (len == cap) {
            char *more = realloc(text, 2 * cap + 1);

            if (!more) {
                free(text);
                return NULL;
            }
            text = more;
            cap *= 2;
        }
    }
    if (text)
        text[len] = 0;
    return text;
}

int verb_call(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    int at = no_options(v, argc, argv, 1, 2);
    CLEANUP_FREE char *given = NULL;
    const char *method, *json;

    if (at < 0)
        return CTL_USAGE;
    method = argv[at] + (argv[at][0] == '/');
    if (!strchr(method, '/') || strlen(method) > 200 || strpbrk(method, " \r\n"))
        return ctl_usage(v, CTL_USAGE, "the method is not of the form SERVICE/METHOD");
    if (at + 1 < argc && strcmp(argv[at + 1], "-") == 0)
        given = read_stdin();
    json = given ? given : at + 1 < argc ? argv[at + 1] : "{}";
    return print_json(c, method, json);
}
