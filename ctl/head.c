#include "ctl/head.h"

/* Connects to the process, with offsets, and waits for the first message. Returns 0, or -1 with *e. */
static int first_message(struct client *c, const Process__ProcessSelector *whom, struct bytes *message,
                         struct answer_error *e)
{
    Process__ConnectRequest m = PROCESS__CONNECT_REQUEST__INIT;
    Process__EventOptions events = PROCESS__EVENT_OPTIONS__INIT;
    int got;

    events.offsets = true;
    m.process = (Process__ProcessSelector *)(uintptr_t)whom;
    m.events = &events;
    e->from_agent = false;
    if (client_stream_send(c, "process.Process/Connect", NULL, &m.base, &e->err) < 0)
        return -1;
    got = client_receive(c, message, e);
    if (got == 2)
        return err_set(&e->err, STATUS_UNKNOWN, 0, "%s: an empty stream", c->ctl->target.text);
    return got == 1 ? 0 : -1;
}

int head_ask(const struct ctl *ctl, const Process__ProcessSelector *whom, uint64_t *id, uint64_t *offset,
             struct answer_error *e)
{
    const Process__ConnectResponse *r = NULL;
    struct arena arena = {0};
    struct bytes message;
    struct client c;
    int ret;

    *id = *offset = 0;
    e->from_agent = false;
    ret = client_open(&c, ctl, &e->err) < 0 ? -1 : first_message(&c, whom, &message, e);
    if (ret == 0) {
        r = (const Process__ConnectResponse *)codec_decode(
            CODEC_PROTO, &process__connect_response__descriptor, message, &arena, &e->err);
        ret = r ? 0 : -1;
    }
    if (r && r->event && r->event->event_case == PROCESS__PROCESS_EVENT__EVENT_START &&
        r->event->start->_offset_case) {
        *id = r->event->start->id;
        *offset = r->event->start->offset;
    } else if (r) {
        ret = err_set(&e->err, STATUS_UNIMPLEMENTED, 0, "%s: this agent knows no offsets", ctl->target.text);
    }
    arena_clear(&arena);
    client_close(&c);
    return ret;
}
