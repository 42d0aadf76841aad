/* attach: watches and feeds a process that is there already. */
#include <unistd.h>

#include "ctl/selector.h"
#include "ctl/session.h"
#include "ctl/verbs.h"

struct attach_request {
    bool interactive, tty;
    const char *detach_keys;
    Process__Replay replay; /* from_case 0: none */
    Process__ProcessSelector process;
};

/* "all", or so many bytes. */
static int parse_replay(const struct options *o, const char *value, Process__Replay *replay, struct err *e)
{
    if (strcmp(value, "all") == 0) {
        replay->from_case = PROCESS__REPLAY__FROM_START;
        replay->start = true;
        return 0;
    }
    replay->from_case = PROCESS__REPLAY__FROM_TAIL;
    return options_number(o, value, 0, UINT64_MAX, &replay->tail, e);
}

/* Returns 0 or the exit code. */
static int parse(const struct verb *v, int argc, char **argv, struct attach_request *r)
{
    struct options o = ctl_options(v, argc, argv);
    const char *value;
    struct err e;
    int id;

    *r = (struct attach_request){.interactive = false};
    process__replay__init(&r->replay);
    while ((id = options_next(&o, &value, &e)) > 0) {
        switch (id) {
        case ATTACH_INTERACTIVE:
            r->interactive = true;
            break;
        case ATTACH_TTY:
            r->tty = true;
            break;
        case ATTACH_REPLAY:
            if (parse_replay(&o, value, &r->replay, &e) < 0)
                return ctl_fail(CTL_FAILED, &e);
            break;
        case ATTACH_DETACH_KEYS:
            r->detach_keys = value;
            break;
        }
    }
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_FAILED, &e);
    if (argc - o.at != 1)
        return ctl_usage(v, CTL_FAILED, argc == o.at ? "no process is named" : "one process at a time");
    if (selector_parse(&r->process, argv[o.at], &e) < 0)
        return ctl_fail(CTL_FAILED, &e);
    if (r->interactive && r->tty && !isatty(STDIN_FILENO))
        return ctl_say(CTL_FAILED, "the input device is not a terminal (leave out -t)");
    if (r->detach_keys && !(r->interactive && r->tty))
        return ctl_usage(v, CTL_FAILED, "--detach-keys goes with -it only");
    return 0;
}

int verb_attach(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct session s;
    struct attach_request r;
    Process__ConnectRequest m = PROCESS__CONNECT_REQUEST__INIT;
    Process__EventOptions events = PROCESS__EVENT_OPTIONS__INIT;
    struct err e;
    int code = parse(v, argc, argv, &r);

    if (code != 0)
        return code;
    s = (struct session){
        .ctl = c,
        .feeds = r.interactive,
        .terminal = r.tty,
        .resize = r.tty, /* its terminal has another's size still */
        .refused = CTL_FAILED,
        .has_from = r.replay.from_case == PROCESS__REPLAY__FROM_START,
    };
    if (r.interactive && r.tty && keys_parse(&s.keys, r.detach_keys ? r.detach_keys : KEYS_DEFAULT, &e) < 0)
        return ctl_fail(CTL_FAILED, &e);
    events.offsets = true;
    m.process = &r.process;
    m.replay = r.replay.from_case ? &r.replay : NULL;
    m.events = &events;
    return session_run(&s, "process.Process/Connect", NULL, &m.base, &events);
}
