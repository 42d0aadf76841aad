/* Into a process: its standard input or its terminal. The descriptor takes what it can at once, a queue of
 * STDIN_QUEUE_MAX the next bytes, and beyond that the sender waits. */
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/fd.h"
#include "guest/exec/exec.h"

/* Wakes those that wait now; who has to wait again comes behind them. */
static void wake_waiting(struct exec *x)
{
    struct exec_wait *w, *last = TAILQ_LAST(&x->input.waiting, exec_wait_list);

    while ((w = TAILQ_FIRST(&x->input.waiting))) {
        bool was_last = w == last;

        exec_wait_cancel(w);
        w->ready(w);
        if (was_last)
            return;
    }
}

/* No more input: the descriptor goes (a terminal's belongs to the output), what is queued is lost, senders
 * hear of it when they try again. */
void exec_input_stop(struct exec *x)
{
    struct exec_input *in = &x->input;

    if (in->fd >= 0) {
        loop_watch(x->table->loop, &in->io, 0);
        if (!in->terminal)
            loop_close_fd(x->table->loop, &in->fd);
        in->fd = -1;
    }
    ev_timer_stop(x->table->loop->ev, &in->look);
    chain_clear(&in->queue);
    wake_waiting(x);
}

/* Writes from the front of the bytes what the descriptor takes, in one call: what it leaves, it has no room for. Returns how
 * much that was, or -1 with errno when nobody reads any more. */
static ssize_t write_out(const struct exec_input *in, const struct chain *data)
{
    struct iovec iov[64];
    int n = chain_iov(data, iov, (int)ARRAY_LEN(iov), TURN_BYTES);
    ssize_t written = RETRY_EINTR(writev(in->fd, iov, n));

    return written < 0 && errno == EAGAIN ? 0 : written;
}

/* Writes the queue. */
static void on_writable(struct ev_loop *ev, ev_io *w, int revents)
{
    struct exec *x = w->data;
    struct exec_input *in = &x->input;
    ssize_t written;

    (void)ev;
    if (revents & EV_ERROR)
        loop_watch_failed(w);
    written = write_out(in, &in->queue);
    if (written < 0) {
        exec_input_stop(x);
        return;
    }
    chain_drop(&in->queue, (size_t)written);
    if (in->queue.bytes < STDIN_QUEUE_MAX / 2)
        wake_waiting(x);
    loop_watch(x->table->loop, &in->io, in->queue.bytes > 0 ? EV_WRITE : 0);
    if (in->queue.bytes == 0 && in->closing)
        exec_input_stop(x);
}

static int no_input(struct err *e, bool terminal, const char *why)
{
    return err_set(e, STATUS_INTERNAL, 0, "error writing to %s: %s", terminal ? "tty" : "stdin", why);
}

/* The first n bytes are taken: the end of a terminal's input depends on the last of them. */
static void took(struct exec_input *in, const struct chain *data, size_t n)
{
    if (n == 0)
        return;
    chain_peek_at(data, n - 1, &in->last, 1);
    in->ended = false;
}

/* Moves n bytes to the queue. Less than a segment is copied: it might be all that the segment is kept for. */
static int enqueue(struct exec_input *in, struct chain *data, size_t n)
{
    uint8_t few[SEG_SIZE];

    if (n >= sizeof few)
        return chain_move(&in->queue, data, n);
    chain_peek(data, few, n);
    if (chain_copy(&in->queue, few, n) < 0)
        return -1;
    chain_drop(data, n);
    return 0;
}

ssize_t exec_write(struct exec *x, bool terminal, struct chain *data, struct exec_wait *wait, struct err *e)
{
    struct exec_input *in = &x->input;
    size_t before = data->bytes, room;
    ssize_t written = 0;

    if (x->pty && !terminal)
        return no_input(e, false,
                        "tty assigned to process — input should be written to the pty, not the stdin");
    if (!x->pty && terminal)
        return no_input(e, true,
                        "tty not assigned to process — input should be written to the stdin, not the tty");
    if (in->fd < 0 || in->closing)
        return no_input(e, terminal, terminal ? "tty is closed" : "stdin not enabled or closed");
    if (in->queue.bytes == 0 && data->bytes > 0)
        written = write_out(in, data);
    if (written < 0) {
        no_input(e, terminal, errno_text(errno));
        exec_input_stop(x);
        return -1;
    }
    took(in, data, (size_t)written);
    chain_drop(data, (size_t)written);
    room = STDIN_QUEUE_MAX - MIN(in->queue.bytes, (size_t)STDIN_QUEUE_MAX);
    room = MIN(room, data->bytes);
    if (room > 0) {
        took(in, data, room);
        if (enqueue(in, data, room) < 0)
            return no_input(e, terminal, "out of memory");
        loop_watch(x->table->loop, &in->io, EV_WRITE);
    }
    if (data->bytes > 0) {
        exec_wait_cancel(wait);
        wait->exec = x;
        TAILQ_INSERT_TAIL(&in->waiting, wait, link);
    }
    return (ssize_t)(before - data->bytes);
}

void exec_wait_cancel(struct exec_wait *w)
{
    if (!w->exec)
        return;
    TAILQ_REMOVE(&w->exec->input.waiting, w, link);
    w->exec = NULL;
}

/* As when the modem loses its carrier, but the descriptor stays: there may be output. */
static int hang_up(struct exec *x)
{
    ioctl(x->input.fd, TIOCSIG, SIGHUP);
    if (x->state == EXEC_RUNNING)
        kill(x->pid, SIGHUP);
    return 0;
}

#define LOOK_MS 100
#define LOOKS   30

/* Appends n end-of-file characters of the terminal to what is queued. */
static int type_end(struct exec_input *in, const struct termios *mode, size_t n)
{
    const uint8_t end[2] = {mode->c_cc[VEOF], mode->c_cc[VEOF]};

    if (chain_copy(&in->queue, end, n) < 0)
        return -1;
    in->canonical = mode->c_lflag & ICANON;
    loop_watch(CONTAINER_OF(in, struct exec, input)->table->loop, &in->io, EV_WRITE);
    return 0;
}

/* A shell that just starts: the end was typed while the terminal was in line mode, then the shell's line editor took over, to
 * which what was pending is not an end. It is typed again. */
static void on_look(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct exec *x = w->data;
    struct exec_input *in = &x->input;
    struct termios mode;

    (void)ev;
    (void)revents;
    if (in->fd < 0 || !in->ended || x->state != EXEC_RUNNING || tcgetattr(in->fd, &mode) < 0)
        return;
    if (in->canonical != !!(mode.c_lflag & ICANON) && type_end(in, &mode, 1) < 0)
        return;
    if (--in->looks > 0)
        loop_timer(x->table->loop, w, LOOK_MS);
}

/* Behind a half-typed line the character only sends that line off, and it takes a second one to end the input. It goes through
 * the queue like any other byte: what the program has yet to read is not overtaken. */
static int end_terminal(struct exec *x, struct err *e)
{
    struct exec_input *in = &x->input;
    struct termios mode;

    if (in->ended || tcgetattr(in->fd, &mode) < 0 || mode.c_cc[VEOF] == _POSIX_VDISABLE)
        return hang_up(x);
    if (type_end(in, &mode, in->last == '\n' || in->last == 0 ? 1 : 2) < 0)
        return err_nomem(e, "end the input");
    in->ended = true;
    in->looks = LOOKS;
    loop_timer(x->table->loop, &in->look, LOOK_MS);
    return 0;
}

int exec_close_input(struct exec *x, struct err *e)
{
    if (x->input.fd < 0)
        return 0;
    if (x->pty)
        return end_terminal(x, e);
    x->input.closing = true;
    if (x->input.queue.bytes == 0)
        exec_input_stop(x);
    return 0;
}

void exec_input_init(struct exec *x)
{
    x->input.fd = -1;
    TAILQ_INIT(&x->input.waiting);
    ev_init(&x->input.look, on_look);
    x->input.look.data = x;
}

void exec_input_start(struct exec *x, struct spawn *s)
{
    struct exec_input *in = &x->input;

    in->terminal = x->pty;
    in->fd = in->terminal ? x->pipes[0].fd : fd_take(&s->input);
    if (in->fd < 0)
        return;
    ev_io_init(&in->io, on_writable, in->fd, EV_WRITE);
    in->io.data = x;
}
