#include "ctl/kill.h"

#include <signal.h>
#include <stdio.h>

#include "ctl/selector.h"
#include "ctl/verbs.h"

#define SIGNALS                                                                                              \
    64 /* signal(7); the C library keeps the first real-time ones to itself, but the guest's kernel has them */

int kill_parse_target(const char *word, Process__SignalTarget *target, struct err *e)
{
    static const struct {
        const char *word;
        Process__SignalTarget target;
    } targets[] = {
        {"leader", PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_LEADER},
        {"group", PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_GROUP},
        {"tree", PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_TREE},
    };

    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        if (strcmp(word, targets[i].word) == 0) {
            *target = targets[i].target;
            return 0;
        }
    }
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is none of leader, group and tree", word);
}

int kill_parse_grace(const char *word, uint32_t *ms, struct err *e)
{
    uint64_t v;

    if (ctl_duration(word, &v, e) < 0)
        return -1;
    if (v > UINT32_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is too long", word);
    *ms = (uint32_t)v;
    return 0;
}

/* The signal of a name ("HUP", "SIGHUP", "RTMIN+3") or a number; 0: there is none. */
static int parse_signal(const char *name)
{
    char *end;
    long n = *name >= '0' && *name <= '9' ? strtol(name, &end, 10) : 0;

    if (n > 0)
        return *end || n > SIGNALS ? 0 : (int)n;
    if (strncasecmp(name, "SIG", 3) == 0)
        name += 3;
    for (int signo = 1; signo < SIGRTMIN; signo++) {
        const char *known = sigabbrev_np(signo);

        if (known && strcasecmp(name, known) == 0)
            return signo;
    }
    if (strcasecmp(name, "RTMIN") == 0)
        return SIGRTMIN;
    if (strcasecmp(name, "RTMAX") == 0)
        return SIGRTMAX;
    if (strncasecmp(name, "RTMIN+", 6) != 0 && strncasecmp(name, "RTMAX-", 6) != 0)
        return 0;
    n = name[6] >= '0' && name[6] <= '9' ? strtol(name + 6, &end, 10) : -1;
    if (n < 0 || *end || n > SIGRTMAX - SIGRTMIN)
        return 0;
    return name[5] == '+' ? SIGRTMIN + (int)n : SIGRTMAX - (int)n;
}

/* Parses the words into *m; `s` becomes its selector. Returns 0 or the exit code. */
static int parse(const struct verb *v, int argc, char **argv, Process__SendSignalRequest *m,
                 Process__ProcessSelector *s)
{
    struct options o = ctl_options(v, argc, argv);
    const char *value;
    struct err e;
    int id, signo = SIGTERM, ret = 0;

    process__send_signal_request__init(m);
    while (ret == 0 && (id = options_next(&o, &value, &e)) != OPTIONS_END) {
        switch (id) {
        case KILL_SIGNAL:
            signo = parse_signal(value);
            if (signo == 0)
                ret = err_set(&e, STATUS_INVALID_ARGUMENT, 0,
                              "kill: there is no signal '%s' (TERM, SIGHUP, 1 to 64)", value);
            break;
        case KILL_TARGET:
            ret = kill_parse_target(value, &m->target, &e);
            break;
        case KILL_TREE:
            m->target = PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_TREE;
            break;
        case KILL_GRACE:
            ret = kill_parse_grace(value, &m->grace_ms, &e);
            break;
        default:
            ret = -1;
        }
    }
    if (ret < 0)
        return ctl_fail(CTL_USAGE, &e);
    if (argc - o.at != 1)
        return ctl_usage(v, CTL_USAGE, argc == o.at ? "no process is named" : "one process at a time");
    if (selector_parse(s, argv[o.at], &e) < 0)
        return ctl_fail(CTL_USAGE, &e);
    m->process = s;
    if (signo == SIGTERM || signo == SIGKILL) /* these two every agent knows */
        m->signal = (Process__Signal)signo;
    else
        m->number = (uint32_t)signo;
    return 0;
}

int verb_kill(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    Process__SendSignalRequest m;
    Process__ProcessSelector selector;
    struct arena arena = {0};
    struct client client;
    struct answer_error e = {.from_agent = false};
    ProtobufCMessage *answer;
    int code = parse(v, argc, argv, &m, &selector);

    if (code != 0)
        return code;
    if (client_open(&client, c, &e.err) < 0 ||
        client_call(&client, "process.Process/SendSignal", &m.base,
                    &process__send_signal_response__descriptor, &arena, &answer, &e) < 0)
        code = client_fail(&e);
    arena_clear(&arena);
    client_close(&client);
    return code;
}
