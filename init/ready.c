#include "init/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/writer.h"

#define LINE_MAX_OURS 2048 /* BOOT_PHASES_MAX phases of 60 bytes, and the rest */

struct line {
    struct chain out;
    struct writer w;
    char text[LINE_MAX_OURS];
    size_t len; /* 0: there was no memory for it */
};

static void begin(struct line *l, const struct ready *r, const char *event)
{
    l->out = (struct chain){0};
    writer_init(&l->w, &l->out, NULL, sizeof l->text);
    writer_str(&l->w, "{\"event\":");
    writer_json_string(&l->w, bytes_of(event));
    writer_str(&l->w, ",\"boot_id\":");
    writer_json_string(&l->w, bytes_of(r->boot_id));
}

static void add_string(struct line *l, const char *key, const char *value)
{
    writer_str(&l->w, key);
    writer_json_string(&l->w, bytes_of(value));
}

static void add_number(struct line *l, const char *key, uint64_t value)
{
    writer_str(&l->w, key);
    writer_unsigned(&l->w, value);
}

static void end(struct line *l)
{
    writer_str(&l->w, "}\n");
    l->len = writer_done(&l->w) == 0 ? l->out.bytes : 0;
    chain_peek(&l->out, l->text, l->len);
    chain_clear(&l->out);
}

static void ready_line(const struct ready *r, struct line *l)
{
    const struct boot *b = r->boot;

    begin(l, r, "ready");
    add_string(l, ",\"version\":", r->version);
    add_number(l, ",\"started_us\":", b->started_ns / 1000);
    writer_str(&l->w, ",\"phases\":[");
    for (unsigned i = 0; i < b->phase_count; i++) {
        add_string(l, i > 0 ? ",{\"name\":" : "{\"name\":", b->phases[i].name);
        add_number(l, ",\"end_us\":", b->phases[i].ended_ns / 1000);
        writer_char(&l->w, '}');
    }
    add_number(l, "],\"problems\":", b->problem_count + b->problems_lost);
    end(l);
}

static void stop(struct ready *r)
{
    ev_io_stop(r->loop->ev, &r->io);
    ev_timer_stop(r->loop->ev, &r->again);
    loop_close_fd(r->loop, &r->fd);
    r->told = false;
}

static void again_later(struct ready *r)
{
    stop(r);
    if (clock_mono_ms() - r->since_ms < READY_MAX_MS)
        loop_timer(r->loop, &r->again, READY_AGAIN_MS);
}

/* The line is shorter than any socket's buffer: it goes as a whole, or not at all. */
static bool tell(struct ready *r, const struct line *l)
{
    return l->len > 0 && send(r->fd, l->text, l->len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)l->len;
}

static void on_connected(struct ready *r)
{
    struct line l;
    socklen_t size = sizeof errno;
    int error = 0;

    if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
        again_later(r);
        return;
    }
    ready_line(r, &l);
    r->told = tell(r, &l);
    if (r->told)
        loop_watch(r->loop, &r->io, EV_READ);
    else
        again_later(r);
}

/* What the host says is not for us; that it closes is. */
static void on_host(struct ready *r)
{
    char thrown_away[256];
    ssize_t n = recv(r->fd, thrown_away, sizeof thrown_away, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        stop(r);
}

static void on_io(struct ev_loop *ev, ev_io *w, int revents)
{
    struct ready *r = w->data;

    (void)ev;
    (void)revents;
    if (r->told)
        on_host(r);
    else
        on_connected(r);
}

/* A socket that is connected, or will say when it is; -1 with errno. */
static int connect_host(unsigned port)
{
    const struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};
    CLEANUP_FD int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || (connect(fd, (const struct sockaddr *)&host, sizeof host) < 0 && errno != EINPROGRESS))
        return -1;
    return fd_take(&fd);
}

static void try(struct ready *r)
{
    r->fd = connect_host(r->port);
    if (r->fd < 0 && (errno == EAFNOSUPPORT || errno == ESOCKTNOSUPPORT)) /* there is no vsock at all */
        return;
    if (r->fd < 0) {
        again_later(r);
        return;
    }
    ev_io_init(&r->io, on_io, r->fd, EV_WRITE);
    r->io.data = r;
    ev_io_start(r->loop->ev, &r->io);
}

static void on_again(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    try(w->data);
}

void ready_start(struct ready *r, struct loop *loop, const struct boot *boot, const char *version,
                 unsigned port)
{
    *r = (struct ready){.loop = loop, .boot = boot, .version = version, .port = port, .fd = -1};
    ev_init(&r->io, on_io);
    ev_init(&r->again, on_again);
    r->again.data = r;
    if (port == 0)
        return;
    fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", r->boot_id, sizeof r->boot_id);
    r->since_ms = clock_mono_ms();
    try(r);
}

void ready_end(struct ready *r, enum end how, const char *disks, unsigned ms)
{
    struct pollfd peer = {.fd = r->fd, .events = POLLIN};
    struct line l;

    if (!r->told)
        return;
    begin(&l, r, "shutdown");
    add_string(&l, ",\"how\":", end_name(how));
    add_string(&l, ",\"disks\":", disks);
    end(&l);
    if (tell(r, &l) && shutdown(r->fd, SHUT_WR) == 0)
        (void)!RETRY_EINTR(poll(&peer, 1, (int)ms));
    stop(r);
}
