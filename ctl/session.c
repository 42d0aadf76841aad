#include "ctl/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/limits.h"
#include "ctl/selector.h"
#include "ctl/terminal.h"
#include "ctl/verbs.h"

#define AGAIN_MS 100 /* between two tries to connect again */

/* Start's and Connect's responses differ in their name only. */
#define RESPONSE process__start_response__descriptor

static void leave(struct session *s, int code)
{
    s->over = true;
    s->code = code;
}

static void give_up(struct session *s, int code, const struct err *e)
{
    terminal_restore();
    leave(s, ctl_fail(code, e));
}

/* --- what the process says ------------------------------------------------------------------- */

/* Writes all of it, to a pipe that may be full. Returns 0, or -1 when nobody reads it any more. */
static int write_all(int fd, const uint8_t *at, size_t left)
{
    while (left > 0) {
        ssize_t n = RETRY_EINTR(write(fd, at, left));

        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};

            poll(&p, 1, -1);
            continue;
        }
        if (n < 0)
            return -1;
        at += n;
        left -= (size_t)n;
    }
    return 0;
}

/* What the stream does not hold of the output that was asked for. */
static void on_gap(uint64_t bytes)
{
    ctl_say(0, "%llu bytes before this are not kept any more", (unsigned long long)bytes);
}

static void on_started(struct session *s, const Process__ProcessEvent__StartEvent *start)
{
    bool again = s->pid != 0;

    s->give_up_ms = 0;
    s->pid = s->feed.pid = start->pid;
    if (start->_id_case)
        s->id = s->feed.id = start->id;
    if (start->_offset_case) {
        uint64_t from = again ? s->offset : s->from;

        if ((again || s->has_from) && start->offset > from)
            on_gap(start->offset - from);
        s->offset = start->offset;
    }
    if (again)
        return;
    s->input_open = s->feeds;
    if (s->prints_pid) {
        printf(s->ctl->json ? "{\"pid\":%u}\n" : "%u\n", s->pid);
        leave(s, CTL_OK);
    }
}

static void on_data(struct session *s, const Process__ProcessEvent__DataEvent *data)
{
    ProtobufCBinaryData bytes = {0, NULL};
    const char *name = "stdout";
    int fd = STDOUT_FILENO;
    uint64_t offset = data->_offset_case ? data->offset : s->offset;
    size_t skip, len;

    switch (data->output_case) {
    case PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDOUT:
        bytes = data->stdout;
        break;
    case PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDERR:
        bytes = data->stderr;
        name = "stderr";
        fd = STDERR_FILENO;
        break;
    case PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_PTY:
        bytes = data->pty;
        name = "pty";
        break;
    default:
        break;
    }
    skip = offset < s->offset ? (size_t)MIN(s->offset - offset, bytes.len) : 0;
    len = s->has_stop ? (size_t)MIN(bytes.len, s->stop > offset ? s->stop - offset : 0) : bytes.len;
    if (len <= skip)
        return;
    if (s->shows_offsets)
        ctl_say(0, "%llu %s %zu", (unsigned long long)offset + skip, name, len - skip);
    if (write_all(fd, bytes.data + skip, len - skip) < 0)
        leave(s, 128 + SIGPIPE); /* our reader has gone: so do we, as a program that gets SIGPIPE */
    s->offset = offset + len;
}

/* The exit code of one that ended so: its own, 128 + the signal's number, or 255 for an end that we do not know. */
static int code_of(bool exited, int code, int signo)
{
    return exited ? code : signo > 0 ? 128 + signo : 255;
}

static void on_record(struct session *s, const Process__ExitRecord *record)
{
    struct err e;

    if (record && record->timed_out && s->timed) {
        terminal_restore();
        s->code = ctl_say(CTL_TIMEOUT, "the command did not end within its time-out");
    }
    chain_clear(&s->record);
    if (record && s->shows_record && codec_encode(CODEC_JSON, &record->base, NULL, NULL, &s->record, &e) < 0)
        ctl_fail(0, &e);
}

static void on_end(struct session *s, const Process__ProcessEvent__EndEvent *end)
{
    leave(s, code_of(end->exited, end->exit_code, verbs_signal_of(end->status)));
    on_record(s, end->record);
    s->ended = true;
    if (end->truncated)
        ctl_say(0, "there was more output than --max-output");
}

/* The program has ended. What it wrote itself may still be on its way; the event says up to where that goes. */
static void on_exited(struct session *s, const Process__ProcessEvent__ExitedEvent *exited)
{
    const Process__ExitRecord *record = exited->record;

    if (!s->leaves_early || s->has_stop || !exited->_offset_case)
        return;
    s->code = record ? code_of(record->signal == 0, record->code, (int)record->signal) : 255;
    on_record(s, record);
    s->has_stop = true;
    s->stop = exited->offset;
}

static void on_event(struct session *s, const Process__ProcessEvent *event)
{
    switch (event->event_case) {
    case PROCESS__PROCESS_EVENT__EVENT_START:
        on_started(s, event->start);
        break;
    case PROCESS__PROCESS_EVENT__EVENT_DATA:
        on_data(s, event->data);
        break;
    case PROCESS__PROCESS_EVENT__EVENT_END:
        on_end(s, event->end);
        break;
    case PROCESS__PROCESS_EVENT__EVENT_EXITED:
        on_exited(s, event->exited);
        break;
    default:
        break;
    }
}

/* The connection broke, or the agent gave us up because we did not read: the stream may go on on another one. */
static void on_lost(struct session *s, const struct err *e)
{
    client_close(&s->out);
    if (!s->resumes || (s->id == 0 && !s->retriable)) {
        give_up(s, CTL_FAILED, e);
    } else if (s->give_up_ms == 0) {
        s->give_up_ms = clock_mono_ms() + RESUME_MS;
        s->lost = *e;
    }
}

/* The stream ended, otherwise than with the process's end. */
static void on_broken_stream(struct session *s, int got, const struct answer_error *e)
{
    if (got == 2) {
        terminal_restore();
        leave(s, ctl_say(CTL_FAILED, "the stream ended without the command's end"));
    } else if (e->from_agent && e->err.status == STATUS_DEADLINE_EXCEEDED && s->timed) {
        terminal_restore();
        leave(s, ctl_say(CTL_TIMEOUT, "the command did not end within its time-out"));
    } else if (e->from_agent ? e->err.status == STATUS_RESOURCE_EXHAUSTED && s->pid && s->give_up_ms == 0
                             : e->err.status == STATUS_UNAVAILABLE) {
        on_lost(s, &e->err);
    } else {
        give_up(s, e->from_agent ? s->refused : CTL_FAILED, &e->err);
    }
}

/* Takes all messages that have come. */
static void take_output(struct session *s)
{
    struct answer_error e;
    struct bytes message;
    int got = 0;

    while (!s->over && (got = client_next(&s->out, &message, &e)) == 1) {
        struct arena arena = {0};
        const Process__StartResponse *m =
            (const Process__StartResponse *)codec_decode(CODEC_PROTO, &RESPONSE, message, &arena, &e.err);

        if (!m)
            give_up(s, CTL_FAILED, &e.err);
        else if (m->event)
            on_event(s, m->event);
        arena_clear(&arena);
    }
    if (!s->over && got != 0)
        on_broken_stream(s, got, &e);
}

/* Connects again. Only the first answer shows that it worked; until then `give_up_ms` counts. */
static void resume(struct session *s)
{
    static struct ctl at_once; /* --wait has its time at the start; here there is another */
    Process__ConnectRequest m = PROCESS__CONNECT_REQUEST__INIT;
    Process__Replay replay = PROCESS__REPLAY__INIT;
    Process__ProcessSelector whom;
    struct err e;

    at_once = *s->ctl;
    at_once.target.wait_ms = 0;
    if (client_open(&s->out, &at_once, &e) < 0) {
        client_close(&s->out);
        return;
    }
    selector_known(&whom, s->pid, s->id);
    replay.from_case = PROCESS__REPLAY__FROM_OFFSET;
    replay.offset = s->offset;
    m.process = &whom;
    m.replay = &replay;
    m.events = (Process__EventOptions *)(uintptr_t)s->events;
    if (s->pid ? client_stream_send(&s->out, "process.Process/Connect", NULL, &m.base, &e) < 0
               : client_stream_send(&s->out, s->method, s->options, s->request, &e) < 0)
        client_close(&s->out);
}

/* --- what we say ----------------------------------------------------------------------------- */

/* Input, or its end, did not get to the process, which may wait for it for ever. At a terminal that goes on with another
 * connection a person sees what has become of it; elsewhere nobody could, so that is the end. Where the stream is broken too, it says
 * what is wrong. */
static void on_input_lost(struct session *s, const struct err *e)
{
    if (s->out.ctl) {
        client_turn(&s->out);
        take_output(s);
    }
    if (s->over || (s->terminal && s->resumes))
        return;
    if (!s->resumes) {
        give_up(s, CTL_FAILED, e);
        return;
    }
    terminal_restore();
    leave(s, ctl_say(CTL_FAILED, "the connection broke while input was sent to process %u: it may lack some",
                     s->pid));
}

/* Our standard input has something. */
static void take_input(struct session *s)
{
    static uint8_t typed[FRAME_MAX - KEYS_MAX], block[FRAME_MAX];
    ssize_t n = RETRY_EINTR(read(STDIN_FILENO, typed, sizeof typed));
    struct err e;
    size_t len;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        s->input_open = false;
        s->end_input = !s->terminal; /* a terminal's end is a character that the user types */
        return;
    }
    s->detaching = keys_pass(&s->keys, typed, (size_t)n, block, &len);
    if (len > 0 && feed_input(&s->feed, block, len, &e) < 0)
        on_input_lost(s, &e);
}

/* What is to be said next, when nothing is under way: signals first. */
static void say(struct session *s)
{
    struct err e;

    if (s->feed.asking || s->pid == 0)
        return;
    if (s->detaching) {
        terminal_restore();
        fprintf(stderr, "\n%u\n", s->pid);
        leave(s, CTL_OK);
    } else if (s->forward) {
        int signo = s->forward;

        s->forward = 0;
        feed_signal(&s->feed, signo, &e);
    } else if (s->resize) {
        s->resize = false;
        feed_size(&s->feed, &e);
    } else if (s->end_input) {
        s->end_input = false;
        if (feed_end(&s->feed, &e) < 0)
            on_input_lost(s, &e);
    }
}

static void take_answer(struct session *s)
{
    struct err e;

    switch (feed_answer(&s->feed, &e)) {
    case FEED_REFUSED:
        if (s->feed.with_input)
            s->input_open = false;
        break;
    case FEED_LOST:
        if (s->feed.with_input)
            on_input_lost(s, &e);
        break;
    case FEED_WAITING:
    case FEED_TAKEN:
        break;
    }
}

/* --- the loop -------------------------------------------------------------------------------- */

/* Of a process of our own the first request to end is passed on as SIGTERM, the second as SIGKILL; at the third we leave,
 * as at the first with a process that is not ours. */
static void take_signals(struct session *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGWINCH) {
            s->resize = s->terminal;
            continue;
        }
        s->signals++;
        if (s->signals > 2 || s->pid == 0 || !s->owns)
            leave(s, 128 + (int)info.ssi_signo);
        else
            s->forward = s->signals == 1 ? SIGTERM : SIGKILL;
    }
}

static void watch_signals(struct session *s)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
}

/* How long to sleep at most, in ms; -1: until something happens. */
static int patience(const struct session *s)
{
    uint64_t now = clock_mono_ms();

    if (s->give_up_ms == 0)
        return -1;
    return s->give_up_ms <= now ? 0 : (int)MIN(s->give_up_ms - now, AGAIN_MS);
}

static void turn(struct session *s)
{
    struct pollfd p[4] = {
        client_poll(&s->out),
        {.fd = s->signal_fd, .events = POLLIN},
        {.fd = s->input_open && !s->feed.asking && !s->detaching ? STDIN_FILENO : -1, .events = POLLIN},
        s->feed.asking ? client_poll(&s->feed.client) : (struct pollfd){.fd = -1},
    };

    if (poll(p, 4, patience(s)) < 0) {
        if (errno != EINTR)
            leave(s, ctl_say(CTL_FAILED, "poll: %s", errno_text(errno)));
        return;
    }
    if (p[1].revents)
        take_signals(s);
    if (!s->over && p[0].revents) {
        client_turn(&s->out);
        take_output(s);
    }
    if (!s->over && s->pid && s->has_stop && s->offset >= s->stop)
        s->ended = s->over = true;
    if (!s->over && p[3].revents)
        take_answer(s);
    if (!s->over && p[2].revents && !s->feed.asking)
        take_input(s);
    if (!s->over)
        say(s);
    if (s->over || s->give_up_ms == 0)
        return;
    if (clock_mono_ms() >= s->give_up_ms) {
        err_wrap(&s->lost, "gave up after %d s", RESUME_MS / 1000);
        give_up(s, CTL_FAILED, &s->lost);
    } else if (!s->out.ctl) {
        resume(s);
    }
}

static void print_record(const struct session *s)
{
    CHAIN_FOREACH (it, &s->record)
        fwrite(it->data, 1, it->len, stderr);
    if (s->record.bytes)
        fputc('\n', stderr);
}

int session_run(struct session *s, const char *method, const struct client_options *options,
                const ProtobufCMessage *request, const Process__EventOptions *events)
{
    struct err e;

    s->method = method;
    s->options = options;
    s->request = request;
    s->events = events;
    s->signal_fd = -1;
    s->feed = (struct feed){.ctl = s->ctl, .terminal = s->terminal};
    if (client_open(&s->out, s->ctl, &e) < 0)
        return ctl_fail(CTL_FAILED, &e);
    watch_signals(s);
    if ((s->terminal && s->feeds && terminal_raw(&e) < 0) ||
        client_stream_send(&s->out, method, options, request, &e) < 0)
        give_up(s, CTL_FAILED, &e);
    while (!s->over)
        turn(s);
    terminal_restore();
    print_record(s);
    chain_clear(&s->record);
    feed_close(&s->feed);
    client_close(&s->out);
    fd_close(&s->signal_fd);
    return s->code;
}
