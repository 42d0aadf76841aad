#include "ctl/feed.h"

#include "ctl/selector.h"
#include "ctl/terminal.h"

void feed_close(struct feed *f)
{
    client_close(&f->client);
    f->asking = false;
}

static int ask(struct feed *f, const char *method, const ProtobufCMessage *m, struct err *e)
{
    f->with_input = false;
    if (!client_ready(&f->client))
        client_close(&f->client);
    if ((!f->client.ctl && client_open(&f->client, f->ctl, e) < 0) ||
        client_call_send(&f->client, method, NULL, m, e) < 0) {
        feed_close(f);
        return -1;
    }
    f->asking = true;
    return 0;
}

/* The same for input, and its end. */
static int ask_input(struct feed *f, const char *method, const ProtobufCMessage *m, struct err *e)
{
    int ret = ask(f, method, m, e);

    f->with_input = ret == 0;
    return ret;
}

int feed_signal(struct feed *f, int signo, struct err *e)
{
    Process__SendSignalRequest m = PROCESS__SEND_SIGNAL_REQUEST__INIT;
    Process__ProcessSelector s;

    selector_known(&s, f->pid, f->id);
    m.process = &s;
    m.signal = (Process__Signal)signo;
    return ask(f, "process.Process/SendSignal", &m.base, e);
}

int feed_size(struct feed *f, struct err *e)
{
    Process__UpdateRequest m = PROCESS__UPDATE_REQUEST__INIT;
    Process__PTY pty = PROCESS__PTY__INIT;
    Process__PTY__Size size = PROCESS__PTY__SIZE__INIT;
    Process__ProcessSelector s;
    uint16_t cols, rows;

    terminal_size(&cols, &rows);
    size.cols = cols;
    size.rows = rows;
    pty.size = &size;
    selector_known(&s, f->pid, f->id);
    m.process = &s;
    m._pty_case = PROCESS__UPDATE_REQUEST___PTY_PTY;
    m.pty = &pty;
    return ask(f, "process.Process/Update", &m.base, e);
}

int feed_end(struct feed *f, struct err *e)
{
    Process__CloseStdinRequest m = PROCESS__CLOSE_STDIN_REQUEST__INIT;
    Process__ProcessSelector s;

    selector_known(&s, f->pid, f->id);
    m.process = &s;
    return ask_input(f, "process.Process/CloseStdin", &m.base, e);
}

int feed_input(struct feed *f, const uint8_t *data, size_t len, struct err *e)
{
    Process__SendInputRequest m = PROCESS__SEND_INPUT_REQUEST__INIT;
    Process__ProcessInput input = PROCESS__PROCESS_INPUT__INIT;
    ProtobufCBinaryData bytes = {len, (uint8_t *)(uintptr_t)data};
    Process__ProcessSelector s;

    if (f->terminal) {
        input.input_case = PROCESS__PROCESS_INPUT__INPUT_PTY;
        input.pty = bytes;
    } else {
        input.input_case = PROCESS__PROCESS_INPUT__INPUT_STDIN;
        input.stdin = bytes;
    }
    selector_known(&s, f->pid, f->id);
    m.process = &s;
    m.input = &input;
    return ask_input(f, "process.Process/SendInput", &m.base, e);
}

enum feed_answer feed_answer(struct feed *f, struct err *why)
{
    struct answer_error e;
    struct bytes message;
    int got;

    client_turn(&f->client);
    while ((got = client_next(&f->client, &message, &e)) == 1)
        ;
    if (got == 0)
        return FEED_WAITING;
    f->asking = false;
    if (got < 0 && (!e.from_agent || e.err.status == STATUS_RESOURCE_EXHAUSTED)) {
        feed_close(f);
        *why = e.err;
        return FEED_LOST;
    }
    return got == 2 ? FEED_TAKEN : FEED_REFUSED;
}
