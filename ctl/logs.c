/* logs: what the agent keeps of a process's output, or of its own log. */
#include <stdio.h>

#include "ctl/agent_log.h"
#include "ctl/head.h"
#include "ctl/selector.h"
#include "ctl/session.h"
#include "ctl/verbs.h"

struct logs_request {
    bool own; /* the agent's own log: no process is named */
    bool follow, offsets;
    uint64_t tail; /* bytes before the head; UINT64_MAX: all */
    Process__ProcessSelector process;
};

/* Returns 0 or the exit code. */
static int parse(const struct verb *v, int argc, char **argv, struct logs_request *r)
{
    struct options o = ctl_options(v, argc, argv);
    const char *value;
    struct err e;
    int id;

    *r = (struct logs_request){.tail = UINT64_MAX};
    while ((id = options_next(&o, &value, &e)) > 0) {
        switch (id) {
        case LOGS_FOLLOW:
            r->follow = true;
            break;
        case LOGS_TAIL:
            if (options_number(&o, value, 0, UINT64_MAX, &r->tail, &e) < 0)
                return ctl_fail(CTL_USAGE, &e);
            break;
        case LOGS_OFFSETS:
            r->offsets = true;
            break;
        }
    }
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e);
    r->own = argc == o.at;
    if (r->own)
        return r->offsets ? ctl_usage(v, CTL_USAGE, "--offsets are a process's") : CTL_OK;
    if (argc - o.at != 1)
        return ctl_usage(v, CTL_USAGE, "one process at a time");
    return selector_parse(&r->process, argv[o.at], &e) < 0 ? ctl_fail(CTL_USAGE, &e) : 0;
}

int verb_logs(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct session s;
    struct logs_request r;
    Process__ConnectRequest m = PROCESS__CONNECT_REQUEST__INIT;
    Process__Replay replay = PROCESS__REPLAY__INIT;
    Process__EventOptions events = PROCESS__EVENT_OPTIONS__INIT;
    Process__ProcessSelector same;
    struct answer_error e;
    uint64_t id, head;
    int code = parse(v, argc, argv, &r);

    if (code != 0)
        return code;
    if (r.own)
        return agent_log_print(c, r.tail, r.follow);
    /* Two calls: where its output ends now, and then what lies before, of the same process. */
    if (head_ask(c, &r.process, &id, &head, &e) < 0)
        return client_fail(&e);
    selector_known(&same, 0, id);
    s = (struct session){
        .ctl = c,
        .refused = CTL_REFUSED,
        .shows_offsets = r.offsets,
        .has_from = true,
        .from = head > r.tail ? head - r.tail : 0,
        .has_stop = !r.follow,
        .stop = head,
    };
    events.offsets = true;
    replay.from_case = PROCESS__REPLAY__FROM_OFFSET;
    replay.offset = s.from;
    m.process = &same;
    m.replay = &replay;
    m.events = &events;
    code = session_run(&s, "process.Process/Connect", NULL, &m.base, &events);
    return s.ended ? CTL_OK : code;
}
