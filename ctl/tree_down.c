/* cp -r from the guest: what comes is written as it comes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "ctl/tree.h"
#include "files/tree_message.h"

struct down {
    struct copy *c;
    const char *source;
    struct client *client;
    struct fs_tree_writer writer;
    sigset_t before; /* our signal mask */
    int signal_fd;
};

/* --- signals --------------------------------------------------------------------------------- */

/* A file that is under way may have a name of its own: who ends us waits until that is gone. */
static void hold_signals(struct down *d)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigprocmask(SIG_BLOCK, &set, &d->before);
    d->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* What came meanwhile takes effect now. */
static void release_signals(struct down *d)
{
    fd_close(&d->signal_fd);
    sigprocmask(SIG_SETMASK, &d->before, NULL);
}

/* --- what comes ------------------------------------------------------------------------------ */

/* Tells what is wrong with an entry. */
static void tell(struct down *d, struct bytes path, enum status status, const char *text)
{
    CLEANUP_FREE char *name = strndup(path.ptr, path.len);
    CLEANUP_FREE char *full = name && *name ? guest_join(d->source, name) : strdup(d->source);
    struct answer_error e = {.from_agent = true};

    err_set(&e.err, status, 0, "%s", text);
    pool_failed(&d->c->pool, full ? full : d->source, &e);
}

/* One item. Returns 0, or -1 with *e: the guest does not send a tree. */
static int take_item(struct down *d, const Guest__V1__TreeItem *item, struct err *e)
{
    uint64_t files = d->writer.files;
    int ret;

    if (item->problem)
        tell(d, tree_message_path(&d->writer, item), status_from_name(bytes_of(item->problem->code)),
             item->problem->message);
    ret = tree_message_write(&d->writer, item, e);
    if (ret == FS_TREE_REFUSED)
        tell(d, tree_message_path(&d->writer, item), e->status, e->text);
    progress_add(&d->c->pool.progress, item->data.len, d->writer.files > files);
    return ret < 0 ? -1 : 0;
}

static int take_message(struct down *d, struct bytes message, struct answer_error *e)
{
    struct arena arena = {.max = DECODE_MAX};
    const Guest__V1__ReadTreeResponse *m = (void *)codec_decode(
        CODEC_PROTO, &guest__v1__read_tree_response__descriptor, message, &arena, &e->err);
    int ret = m ? 0 : -1;

    for (size_t i = 0; ret == 0 && i < m->n_items; i++)
        ret = take_item(d, m->items[i], &e->err);
    e->from_agent = ret < 0;
    arena_clear(&arena);
    return ret;
}

/* Waits until the connection has something for us. Returns 0, or -1 when a signal asks us to end. */
static int wait_for(struct down *d)
{
    struct pollfd p[2] = {client_poll(d->client), {.fd = d->signal_fd, .events = POLLIN}};

    poll(p, 2, progress_patience(&d->c->pool.progress));
    if (p[1].revents)
        return -1;
    client_turn(d->client);
    progress_show(&d->c->pool.progress);
    return 0;
}

/* Returns 0 at the tree's end, or -1 with *e. */
static int receive(struct down *d, struct answer_error *e)
{
    struct bytes message;
    int got;

    while ((got = client_next(d->client, &message, e)) != 2) {
        if (got < 0 || (got > 0 && take_message(d, message, e) < 0))
            return -1;
        if (got == 0 && wait_for(d) < 0)
            return err_set(&e->err, STATUS_CANCELED, 0, "interrupted");
    }
    return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* The directory that the tree becomes: made, or there; the one that the user named may be a link to it. Returns 0, or -1 with *e. */
static int open_root(struct down *d, const char *name, struct err *e)
{
    struct fs_tree_write_options o = {.made_root = mkdir(name, 0700) == 0, .mode_mask = 0777};
    bool there = o.made_root || errno == EEXIST;
    CLEANUP_FD int fd = there ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd < 0)
        return err_set(e, STATUS_UNKNOWN, errno, "%s", name);
    return fs_tree_write_begin(&d->writer, fd_take(&fd), &o, e);
}

static int begin(struct down *d, struct err *e)
{
    Guest__V1__ReadTreeRequest m = GUEST__V1__READ_TREE_REQUEST__INIT;
    struct guest *g = &d->c->guest;
    struct client_options o = guest_options(g);

    guest_set_path(d->source, &m.path, &m.path_bytes);
    if (client_reuse(&g->client, g->ctl, e) < 0)
        return -1;
    return client_stream_send(&g->client, "guest.v1.Files/ReadTree", &o, &m.base, e);
}

static int finish(struct down *d)
{
    struct err e;
    int ret = fs_tree_write_finish(&d->writer, &e);

    if (ret != 0)
        tell(d, (struct bytes){"", 0}, e.status, e.text);
    return 0;
}

int tree_down(struct copy *c, const char *source, const char *name)
{
    struct down d = {.c = c, .source = source, .client = &c->guest.client, .writer = FS_TREE_WRITER_NONE};
    struct answer_error e = {.from_agent = true};
    int ret;

    if (open_root(&d, name, &e.err) < 0)
        return pool_failed(&c->pool, source, &e);
    hold_signals(&d);
    e.from_agent = false;
    ret = begin(&d, &e.err) < 0 || receive(&d, &e) < 0 ? -1 : finish(&d);
    fs_tree_write_abandon(&d.writer);
    release_signals(&d);
    if (ret == 0)
        return 0;
    call_cancel(&d.client->call);
    return pool_failed(&c->pool, source, &e);
}
