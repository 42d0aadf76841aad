/* cp -r to the guest: our tree is read as the connection takes it. */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "ctl/tree.h"
#include "files/tree_message.h"

#define UNSENT_MAX ((size_t)256 << 10) /* so many bytes may wait for the connection before more is read */

struct up {
    struct copy *c;
    const char *source;
    struct client *client;
    struct fs_tree_reader reader;
    bool complete; /* all was sent */
};

/* Tells what is wrong with an entry. */
static int tell(struct up *u, struct bytes path, enum status status, const char *text)
{
    CLEANUP_FREE char *name = strndup(path.ptr, path.len);
    CLEANUP_FREE char *full = name && *name ? guest_join(u->source, name) : strdup(u->source);
    struct answer_error e = {.from_agent = true};

    err_set(&e.err, status, 0, "%s", text);
    return pool_failed(&u->c->pool, full ? full : u->source, &e);
}

static int tell_message(struct up *u, const Guest__V1__TreeProblem *p)
{
    return tell(u, (struct bytes){(const char *)p->path.data, p->path.len},
                status_from_name(bytes_of(p->code)), p->message);
}

/* Progress, and what cannot be read. */
static void account(struct up *u, const struct tree_items *items)
{
    struct progress *p = &u->c->pool.progress;

    progress_add(p, items->bytes, false);
    for (size_t i = 0; i < items->count; i++) {
        const Guest__V1__TreeItem *item = items->list[i];

        if (item->problem)
            tell_message(u, item->problem);
        else if (item->entry && item->entry->type == GUEST__V1__FILE_INFO__TYPE__TYPE_FILE)
            progress_add(p, 0, true);
    }
}

/* Reads one message and sends it. Returns 0, or -1 with *e. */
static int send_message(struct up *u, struct answer_error *e)
{
    Guest__V1__WriteTreeRequest m = GUEST__V1__WRITE_TREE_REQUEST__INIT;
    struct arena arena = {.max = SIZE_MAX};
    struct tree_items items;
    int got = tree_message_read(&u->reader, &arena, &items, &e->err), ret = got;

    e->from_agent = got < 0; /* it was not the connection */
    if (got >= 0) {
        account(u, &items);
        m.items = items.list;
        m.n_items = items.count;
        ret = client_put(u->client, &m.base, &e->err);
    }
    arena_clear(&arena);
    u->complete = got == 0;
    if (u->complete)
        call_end(&u->client->call);
    return ret < 0 ? -1 : 0;
}

/* Waits until the connection has something for us, or takes something. */
static void wait_for(struct up *u)
{
    struct pollfd p = client_poll(u->client);

    poll(&p, 1, progress_patience(&u->c->pool.progress));
    client_turn(u->client);
    progress_show(&u->c->pool.progress);
}

/* Returns 1 with the answer, or -1 with *e. */
static int exchange(struct up *u, struct bytes *answer, struct answer_error *e)
{
    int got;

    while ((got = client_next(u->client, answer, e)) == 0) {
        if (!u->complete && wire_unsent(&u->client->wire) < UNSENT_MAX) {
            if (send_message(u, e) < 0) {
                if (e->from_agent || e->err.status != STATUS_UNAVAILABLE)
                    return -1;
                u->complete = true; /* the call is over: its end says why */
            }
            client_turn(u->client);
        } else {
            wait_for(u);
        }
    }
    return got;
}

/* What the guest could not make. Returns 0, or -1. */
static int judge(struct up *u, struct bytes answer, struct answer_error *e)
{
    struct arena arena = {.max = DECODE_MAX};
    const Guest__V1__WriteTreeResponse *m = (void *)codec_decode(
        CODEC_PROTO, &guest__v1__write_tree_response__descriptor, answer, &arena, &e->err);
    int ret = 0;

    e->from_agent = false;
    for (size_t i = 0; m && i < m->n_problems; i++)
        tell_message(u, m->problems[i]);
    if (m && m->problem_count > m->n_problems) {
        err_set(&e->err, STATUS_UNKNOWN, 0, "and %llu more that could not be made",
                (unsigned long long)(m->problem_count - m->n_problems));
        ret = tell(u, (struct bytes){"", 0}, STATUS_UNKNOWN, e->err.text);
    }
    arena_clear(&arena);
    return m ? ret : -1;
}

/* Begins the call. Returns 0, or -1 with *e. */
static int begin(struct up *u, const char *name, struct err *e)
{
    Guest__V1__WriteTreeRequest m = GUEST__V1__WRITE_TREE_REQUEST__INIT;
    Guest__V1__WriteTreeOptions options = GUEST__V1__WRITE_TREE_OPTIONS__INIT;
    struct guest *g = &u->c->guest;
    struct client_options o = guest_options(g);

    guest_set_path(name, &options.path, &options.path_bytes);
    options.overwrite = true;
    m.options = &options;
    if (client_reuse(&g->client, g->ctl, e) < 0 ||
        client_stream_begin(&g->client, "guest.v1.Files/WriteTree", &o, e) < 0)
        return -1;
    return client_put(&g->client, &m.base, e);
}

int tree_up(struct copy *c, const char *source, const char *name)
{
    struct up u = {.c = c, .source = source, .client = &c->guest.client};
    struct answer_error e = {.from_agent = false};
    CLEANUP_FD int fd = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct bytes answer;
    int ret = -1;

    if (fd < 0)
        return copy_failed(c, source, errno, "open");
    if (fs_tree_read_begin(&u.reader, fd_take(&fd), &e.err) == 0 && begin(&u, name, &e.err) == 0 &&
        exchange(&u, &answer, &e) > 0)
        ret = judge(&u, answer, &e);
    fs_tree_read_end(&u.reader);
    if (ret == 0)
        return client_receive(u.client, &answer, &e) < 0 ? pool_failed(&c->pool, source, &e) : 0;
    call_cancel(&u.client->call);
    return pool_failed(&c->pool, source, &e);
}
