#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/base64.h"
#include "core/fd.h"
#include "core/limits.h"
#include "ctl/client.h"
#include "ctl/terminal.h"
#include "ctl/verbs.h"
#include "process/process.pb-c.h"

/* exec: a command in the guest, with our standard streams as its own. Two connections: one carries what the
 * command says, the other what we say to it; neither may wait for the other. */

#define USER_MAX 254 /* bytes of a user's name; useradd(8) allows 32 */

struct exec_request {
    bool interactive, tty, detach;
    const char *workdir, *user, *tag;
    uint64_t timeout_ms;
    const char *vars[ENV_VARS_MAX];
    size_t var_count;
    const char *command;
    char **args;
    size_t arg_count;
};

struct exec_run {
    struct ctl *ctl;
    const struct exec_request *request;
    struct client out; /* Start */
    struct client in;  /* SendInput, CloseStdin, SendSignal, Update */
    bool in_open;
    bool asking;      /* `in` waits for an answer */
    uint32_t pid;     /* 0: not started */
    bool input_open;  /* our standard input is read */
    bool close_input; /* and has ended: tell the command */
    bool resize;      /* our terminal has another size */
    int signals;      /* how often we were asked to end */
    int signal_fd;
    int forward; /* signal to be sent, or 0 */
    int code;    /* exit code; -1: none yet */
};

/* --- options --------------------------------------------------------------------------------- */

static int parse(const struct verb *v, int argc, char **argv, struct exec_request *r)
{
    struct options o = ctl_options(v, argc, argv);
    const char *value;
    struct err e;
    int id;

    *r = (struct exec_request){.interactive = false};
    while ((id = options_next(&o, &value, &e)) > 0) {
        switch (id) {
        case EXEC_INTERACTIVE:
            r->interactive = true;
            break;
        case EXEC_TTY:
            r->tty = true;
            break;
        case EXEC_DETACH:
            r->detach = true;
            break;
        case EXEC_ENV:
            if (r->var_count == ENV_VARS_MAX)
                return ctl_usage(v, CTL_FAILED, "too many variables");
            r->vars[r->var_count++] = value;
            break;
        case EXEC_WORKDIR:
            r->workdir = value;
            break;
        case EXEC_USER:
            if (strlen(value) > USER_MAX)
                return ctl_usage(v, CTL_FAILED, "no user has such a long name");
            r->user = value;
            break;
        case EXEC_TAG:
            r->tag = value;
            break;
        case EXEC_TIMEOUT:
            if (ctl_duration(value, &r->timeout_ms, &e) < 0)
                return ctl_fail(CTL_FAILED, &e);
            break;
        }
    }
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_FAILED, &e);
    if (o.at >= argc)
        return ctl_usage(v, CTL_FAILED, "no command is given");
    r->command = argv[o.at];
    r->args = argv + o.at + 1;
    r->arg_count = (size_t)(argc - o.at - 1);
    if (r->detach && (r->interactive || r->tty))
        return ctl_usage(v, CTL_FAILED, "--detach goes with neither -i nor -t");
    if (r->interactive && r->tty && !isatty(STDIN_FILENO))
        return ctl_say(CTL_FAILED, "the input device is not a terminal (leave out -t)");
    return 0;
}

/* --- starting -------------------------------------------------------------------------------- */

/* The request's header lines; NULL: out of memory, or the user's name is longer than USER_MAX. */
static char *make_headers(const struct exec_request *r)
{
    char basic[512] = "", timeout[64] = "", *headers = NULL;

    if (r->user) {
        char plain[USER_MAX + 2], coded[BASE64_LEN(sizeof plain) + 1] = "";
        int n = snprintf(plain, sizeof plain, "%s:", r->user);

        if (n >= (int)sizeof plain)
            return NULL;
        base64_encode((const uint8_t *)plain, (size_t)n, coded);
        snprintf(basic, sizeof basic, "Authorization: Basic %s\r\n", coded);
    }
    if (r->timeout_ms)
        snprintf(timeout, sizeof timeout, "Connect-Timeout-Ms: %llu\r\n", (unsigned long long)r->timeout_ms);
    return asprintf(&headers, "%s%s", basic, timeout) < 0 ? NULL : headers;
}

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

static int send_start(struct exec_run *x, struct err *e)
{
    const struct exec_request *r = x->request;
    Process__StartRequest m = PROCESS__START_REQUEST__INIT;
    Process__ProcessConfig config = PROCESS__PROCESS_CONFIG__INIT;
    Process__PTY pty = PROCESS__PTY__INIT;
    Process__PTY__Size size = PROCESS__PTY__SIZE__INIT;
    CLEANUP_FREE char *headers = make_headers(r);
    struct arena arena = {.max = DECODE_MAX};
    uint16_t cols, rows;
    int ret;

    config.cmd = (char *)(uintptr_t)r->command;
    config.args = r->args;
    config.n_args = r->arg_count;
    config.envs = make_vars(r, &arena, &config.n_envs);
    if (r->workdir) {
        config._cwd_case = PROCESS__PROCESS_CONFIG___CWD_CWD;
        config.cwd = (char *)(uintptr_t)r->workdir;
    }
    m.process = &config;
    if (r->tag) {
        m._tag_case = PROCESS__START_REQUEST___TAG_TAG;
        m.tag = (char *)(uintptr_t)r->tag;
    }
    m._stdin_case = PROCESS__START_REQUEST___STDIN_STDIN;
    m.stdin = r->interactive;
    if (r->tty) {
        terminal_size(&cols, &rows);
        size.cols = cols;
        size.rows = rows;
        pty.size = &size;
        m._pty_case = PROCESS__START_REQUEST___PTY_PTY;
        m.pty = &pty;
    }
    if (headers && config.envs)
        ret = client_stream_send(&x->out, "process.Process/Start", headers, &m.base, e);
    else
        ret = err_nomem(e, "start the command");
    arena_clear(&arena);
    return ret;
}

/* --- what the command says ------------------------------------------------------------------- */

/* Writes all of it, to a pipe that may be full. Returns 0, or -1 when nobody reads it any more. */
static int write_all(int fd, const ProtobufCBinaryData *data)
{
    const uint8_t *at = data->data;
    size_t left = data->len;

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

static void on_started(struct exec_run *x, uint32_t pid)
{
    x->pid = pid;
    if (x->request->detach) {
        if (x->ctl->json)
            printf("{\"pid\":%u}\n", pid);
        else
            printf("%u\n", pid);
        x->code = 0;
        return;
    }
    x->input_open = x->request->interactive;
}

static int on_event(struct exec_run *x, const Process__ProcessEvent *event)
{
    const Process__ProcessEvent__EndEvent *end;
    int signo;

    switch (event->event_case) {
    case PROCESS__PROCESS_EVENT__EVENT_START:
        on_started(x, event->start->pid);
        return 0;
    case PROCESS__PROCESS_EVENT__EVENT_DATA:
        switch (event->data->output_case) {
        case PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDOUT:
            return write_all(STDOUT_FILENO, &event->data->stdout);
        case PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDERR:
            return write_all(STDERR_FILENO, &event->data->stderr);
        case PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_PTY:
            return write_all(STDOUT_FILENO, &event->data->pty);
        default:
            return 0;
        }
    case PROCESS__PROCESS_EVENT__EVENT_END:
        end = event->end;
        signo = verbs_signal_of(end->status);
        x->code = end->exited ? end->exit_code : signo > 0 ? 128 + signo : 255;
        return 0;
    default:
        return 0;
    }
}

/* Takes all messages that have come. Returns 0, or -1 when it is over (x->code is set). */
static int take_output(struct exec_run *x)
{
    struct answer_error e;
    struct bytes message;
    int got;

    while ((got = client_stream_next(&x->out, &message, &e)) == 1) {
        struct arena arena = {0};
        const Process__StartResponse *m = (const Process__StartResponse *)codec_decode(
            CODEC_PROTO, &process__start_response__descriptor, message, &arena, &e.err);
        int ret = !m ? -2 : m->event ? on_event(x, m->event) : 0;

        arena_clear(&arena);
        if (ret == -2) {
            x->code = ctl_fail(CTL_FAILED, &e.err);
            return -1;
        }
        if (ret < 0) { /* our reader has gone: so do we, as a program that gets SIGPIPE */
            x->code = 128 + SIGPIPE;
            return -1;
        }
        if (x->request->detach && x->code >= 0)
            return -1;
    }
    if (got == 0)
        return 0;
    if (got == 2) {
        if (x->code < 0)
            x->code = ctl_say(CTL_FAILED, "the stream ended without the command's end");
    } else if (e.from_agent && e.err.status == STATUS_DEADLINE_EXCEEDED && x->request->timeout_ms) {
        terminal_restore();
        x->code = ctl_say(CTL_TIMEOUT, "the command did not end within its time-out");
    } else {
        terminal_restore();
        x->code = ctl_fail(CTL_FAILED, &e.err);
    }
    return -1;
}

/* --- what we say ----------------------------------------------------------------------------- */

static int ask(struct exec_run *x, const char *method, const ProtobufCMessage *m, struct err *e)
{
    if (!x->in_open) {
        if (client_open(&x->in, x->ctl, e) < 0)
            return -1;
        x->in_open = true;
    }
    x->asking = true;
    return client_call_send(&x->in, method, "", m, e);
}

static void select_pid(const struct exec_run *x, Process__ProcessSelector *s)
{
    process__process_selector__init(s);
    s->selector_case = PROCESS__PROCESS_SELECTOR__SELECTOR_PID;
    s->pid = x->pid;
}

static int send_signal(struct exec_run *x, int signo, struct err *e)
{
    Process__SendSignalRequest m = PROCESS__SEND_SIGNAL_REQUEST__INIT;
    Process__ProcessSelector s;

    select_pid(x, &s);
    m.process = &s;
    m.signal = (Process__Signal)signo;
    return ask(x, "process.Process/SendSignal", &m.base, e);
}

static int send_size(struct exec_run *x, struct err *e)
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
    select_pid(x, &s);
    m.process = &s;
    m._pty_case = PROCESS__UPDATE_REQUEST___PTY_PTY;
    m.pty = &pty;
    return ask(x, "process.Process/Update", &m.base, e);
}

static int send_close(struct exec_run *x, struct err *e)
{
    Process__CloseStdinRequest m = PROCESS__CLOSE_STDIN_REQUEST__INIT;
    Process__ProcessSelector s;

    select_pid(x, &s);
    m.process = &s;
    return ask(x, "process.Process/CloseStdin", &m.base, e);
}

/* Our standard input has something. */
static int send_input(struct exec_run *x, struct err *e)
{
    static uint8_t block[FRAME_MAX];
    Process__SendInputRequest m = PROCESS__SEND_INPUT_REQUEST__INIT;
    Process__ProcessInput input = PROCESS__PROCESS_INPUT__INIT;
    Process__ProcessSelector s;
    ssize_t n = RETRY_EINTR(read(STDIN_FILENO, block, sizeof block));

    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0) {
        x->input_open = false;
        x->close_input = !x->request->tty; /* a terminal's end is a character that the user types */
        return 0;
    }
    if (x->request->tty) {
        input.input_case = PROCESS__PROCESS_INPUT__INPUT_PTY;
        input.pty = (ProtobufCBinaryData){(size_t)n, block};
    } else {
        input.input_case = PROCESS__PROCESS_INPUT__INPUT_STDIN;
        input.stdin = (ProtobufCBinaryData){(size_t)n, block};
    }
    select_pid(x, &s);
    m.process = &s;
    m.input = &input;
    return ask(x, "process.Process/SendInput", &m.base, e);
}

/* What is to be said next, when nothing is under way: signals first. */
static int say(struct exec_run *x, struct err *e)
{
    if (x->asking || x->pid == 0)
        return 0;
    if (x->forward) {
        int signo = x->forward;

        x->forward = 0;
        return send_signal(x, signo, e);
    }
    if (x->resize) {
        x->resize = false;
        return send_size(x, e);
    }
    if (x->close_input) {
        x->close_input = false;
        return send_close(x, e);
    }
    return 0;
}

/* An answer on the second connection. Errors of input mean that the command does not read any more; that is
 * its affair. */
static int take_answer(struct exec_run *x, struct err *e)
{
    int ret = client_read(&x->in, e);

    if (ret <= 0)
        return ret;
    x->asking = false;
    if (x->in.status != 200)
        x->input_open = false;
    return 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

/* The first request to end is passed on as SIGTERM, the second as SIGKILL, at the third we leave. */
static void take_signals(struct exec_run *x)
{
    struct signalfd_siginfo info;

    while (read(x->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGWINCH) {
            x->resize = x->request->tty;
            continue;
        }
        x->signals++;
        if (x->signals > 2 || x->pid == 0)
            x->code = 128 + (int)info.ssi_signo;
        else
            x->forward = x->signals == 1 ? SIGTERM : SIGKILL;
    }
}

static void watch_signals(struct exec_run *x)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, NULL);
    x->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
}

/* Until the command has ended and all it said is written. */
static int run(struct exec_run *x)
{
    struct err e;

    while (x->code < 0 || !x->out.complete) {
        struct pollfd p[4] = {
            {.fd = x->out.fd, .events = POLLIN},
            {.fd = x->signal_fd, .events = POLLIN},
            {.fd = x->input_open && !x->asking && !x->close_input ? STDIN_FILENO : -1, .events = POLLIN},
            {.fd = x->asking ? x->in.fd : -1, .events = POLLIN},
        };

        if (poll(p, 4, -1) < 0 && errno != EINTR)
            return ctl_say(CTL_FAILED, "poll: %s", errno_text(errno));
        if (p[1].revents)
            take_signals(x);
        if (x->code >= 128 && x->signals)
            return x->code;
        if (p[0].revents && (client_read(&x->out, &e) < 0 || take_output(x) < 0)) {
            if (x->code >= 0)
                return x->code;
            terminal_restore();
            return ctl_fail(CTL_FAILED, &e);
        }
        if (p[3].revents && take_answer(x, &e) < 0 && x->code < 0) {
            /* The second connection is lost; the first one will say whether the agent is. */
            client_close(&x->in);
            x->in_open = x->asking = x->input_open = false;
        }
        if (p[2].revents && !x->asking && send_input(x, &e) < 0)
            x->input_open = false;
        if (say(x, &e) < 0)
            x->in_open = x->asking = false;
    }
    return x->code;
}

int verb_exec(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct exec_request request;
    struct exec_run x = {.ctl = c, .request = &request, .code = -1, .out.fd = -1, .in.fd = -1};
    struct err e;
    int code = parse(v, argc, argv, &request);

    if (code != 0)
        return code;
    if (client_open(&x.out, c, &e) < 0)
        return ctl_fail(CTL_FAILED, &e);
    watch_signals(&x);
    if (request.tty && request.interactive && terminal_raw(&e) < 0)
        return ctl_fail(CTL_FAILED, &e);
    if (send_start(&x, &e) < 0) {
        terminal_restore();
        return ctl_fail(CTL_FAILED, &e);
    }
    code = run(&x);
    terminal_restore();
    client_close(&x.out);
    client_close(&x.in);
    fd_close(&x.signal_fd);
    return code;
}
