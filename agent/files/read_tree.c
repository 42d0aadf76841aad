#include "files/read_tree.h"

#include <fcntl.h>

#include "core/fd.h"
#include "core/limits.h"
#include "files/tree_message.h"
#include "files/tree_work.h"
#include "guest/fs/status.h"

#define MESSAGES (TREE_BLOCK / TREE_MESSAGE)

/* Messages that were read in one run. */
struct block {
    struct arena arena;
    struct tree_items messages[MESSAGES];
    size_t count, sent;
};

struct work {
    struct tree_work base;
    struct fs_tree_reader reader;
    bool begun, ended;
    struct block *block; /* of the last run; NULL: taken */
};

/* The call's state. States: a worker reads, a block is sent, or both -> the last block is sent -> finished. */
struct reading {
    struct rpc_call *call;
    struct files *files;
    ticket ticket;
    struct work *work; /* NULL: the call was cancelled */
    bool running;
    struct block *sending; /* NULL: there is nothing to send yet */
};

/* --- in a worker ----------------------------------------------------------------------------- */

static int open_root(struct work *w, struct err *e)
{
    CLEANUP_FREE char *path = tree_work_path(&w->base, e);
    CLEANUP_FD int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (!path)
        return -1;
    if (fd < 0)
        return err_set(e, fs_status_strict(errno), errno, "read '%s'", path);
    w->begun = true;
    return fs_tree_read_begin(&w->reader, fd_take(&fd), e);
}

/* The first problem ends it: the items before go out. */
static void find_problem(struct work *w, struct tree_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        const Guest__V1__TreeProblem *p = items->list[i]->problem;

        if (p) {
            tree_work_fail(&w->base, status_from_name(bytes_of(p->code)),
                           (struct bytes){(const char *)p->path.data, p->path.len}, p->message);
            items->count = i;
        }
    }
}

static int read_block(struct work *w, struct err *e)
{
    struct block *b = w->block = calloc(1, sizeof *b);
    int ret = 1;

    if (!b)
        return err_nomem(e, "read a tree");
    b->arena.max = SIZE_MAX; /* a message says how much it takes */
    while (ret > 0 && !w->base.failed && b->count < MESSAGES && !atomic_load(&w->base.stop)) {
        struct tree_items *items = &b->messages[b->count];

        ret = tree_message_read(&w->reader, &b->arena, items, e);
        if (w->base.ends_early)
            find_problem(w, items);
        b->count += items->count > 0;
    }
    w->ended = ret == 0;
    return ret < 0 ? -1 : 0;
}

static void run(struct job *j)
{
    struct work *w = CONTAINER_OF(j, struct work, base.job);
    struct err *e = &w->base.error;

    if (tree_work_enter(&w->base, e) < 0) {
        w->base.failed = true;
        return;
    }
    if ((!w->begun && open_root(w, e) < 0) || read_block(w, e) < 0)
        w->base.failed = true;
    tree_work_leave(&w->base);
}

/* --- on the loop ----------------------------------------------------------------------------- */

static void block_free(struct block *b)
{
    if (b)
        arena_clear(&b->arena);
    free(b);
}

static void work_free(struct work *w)
{
    fs_tree_read_end(&w->reader);
    block_free(w->block);
    tree_work_clear(&w->base);
    free(w);
}

/* Nobody waits any more. */
static void detach(struct reading *r)
{
    struct work *w = TAKE(r->work);

    ticket_drop(&r->files->waiting, r->ticket);
    if (w && r->running)
        atomic_store(&w->base.stop, true);
    else if (w)
        work_free(w);
}

static void destroy(void *state)
{
    struct reading *r = state;

    detach(r);
    block_free(r->sending);
    free(r);
}

void read_tree_cancel(struct rpc_call *call, enum close_reason why)
{
    struct reading *r = rpc_state(call);

    (void)why;
    if (r)
        detach(r);
}

/* Has a worker read on, if there is more and room for it. */
static void read_on(struct reading *r)
{
    struct work *w = r->work;
    struct err e;

    if (r->running || w->block || w->ended || w->base.failed)
        return;
    r->running = tree_work_submit(&w->base, &e) == 0;
    if (r->running)
        return; /* the work is the worker's now */
    w->base.failed = true;
    w->base.error = e;
}

static void done(struct job *j)
{
    struct work *w = CONTAINER_OF(j, struct work, base.job);
    struct reading *r = ticket_find(&w->base.files->waiting, w->base.call);

    if (!r) {
        work_free(w);
        return;
    }
    r->running = false;
    rpc_kick(r->call);
}

enum rpc_produced read_tree_produce(struct rpc_call *call, size_t max)
{
    struct reading *r = rpc_state(call);
    Guest__V1__ReadTreeResponse m = GUEST__V1__READ_TREE_RESPONSE__INIT;
    struct block *b;

    (void)max; /* a message is about as much */
    if (!r->sending && !r->running)
        r->sending = TAKE(r->work->block);
    read_on(r);
    b = r->sending;
    if (b && b->sent < b->count) {
        m.items = b->messages[b->sent].list;
        m.n_items = b->messages[b->sent].count;
        if (rpc_emit(call, &m.base, NULL) < 0)
            return RPC_WAIT;
        b->sent++;
    }
    if (b && b->sent == b->count) {
        block_free(TAKE(r->sending));
        return RPC_MORE;
    }
    if (b)
        return RPC_MORE;
    if (!r->running)
        rpc_finish(call, r->work->base.failed ? &r->work->base.error : NULL);
    return RPC_WAIT;
}

static struct reading *reading_new(struct rpc_call *call, const Guest__V1__ReadTreeRequest *m, struct err *e)
{
    struct files *f = rpc_context(call);
    struct reading *r = calloc(1, sizeof *r);
    struct work *w = calloc(1, sizeof *w);

    err_nomem(e, "read a tree");
    if (r && w && (r->ticket = ticket_new(&f->waiting, r))) {
        if (tree_work_init(&w->base, call, m->path, &m->path_bytes, e) == 0) {
            w->base.job = (struct job){.run = run, .done = done};
            w->base.call = r->ticket;
            w->base.ends_early = m->stop;
            w->reader = FS_TREE_READER_NONE;
            *r = (struct reading){.call = call, .files = f, .ticket = r->ticket, .work = w};
            return r;
        }
        ticket_drop(&f->waiting, r->ticket);
    }
    free(r);
    free(w);
    return NULL;
}

enum rpc_taken read_tree_message(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct err e;
    struct reading *r = reading_new(call, (const Guest__V1__ReadTreeRequest *)m, &e);

    if (!r) {
        rpc_finish(call, &e);
        return RPC_NEXT;
    }
    rpc_set_state(call, r, destroy);
    read_on(r);
    if (!r->running)
        rpc_finish(call, &r->work->base.error);
    return RPC_NEXT;
}
