#include "files/write_tree.h"

#include <fcntl.h>

#include "core/fd.h"
#include "core/limits.h"
#include "files/tree_message.h"
#include "files/tree_work.h"
#include "guest/fs/dirs.h"
#include "guest/fs/status.h"

/* A message in protobuf's form: what the call decoded is gone when its callback returns. */
struct packed {
    STAILQ_ENTRY(packed) link;
    size_t len;
    uint8_t bytes[];
};
STAILQ_HEAD(packed_list, packed);

struct work {
    struct tree_work base;
    struct fs_tree_write_options options;
    struct packed_list input; /* of this run; the worker's while it runs */
    bool end;                 /* there is no more behind it */
    bool close;               /* nobody waits for an answer: what is open is closed */
    struct fs_tree_writer writer;
    struct arena arena; /* of the answer */
    bool begun, finished;
    Guest__V1__WriteTreeResponse answer;
};

/* The call's state. States: (no options yet ->) a worker writes, messages wait, or both -> the last run -> answered. */
struct writing {
    struct rpc_call *call;
    struct files *files;
    ticket ticket;
    struct work *work;       /* NULL: the options did not come yet, or the call was cancelled */
    struct packed_list next; /* for the next run */
    size_t next_bytes;
    bool running, held, complete;
};

static void clear_list(struct packed_list *list)
{
    struct packed *p;

    while ((p = STAILQ_FIRST(list))) {
        STAILQ_REMOVE_HEAD(list, link);
        free(p);
    }
}

/* --- in a worker ----------------------------------------------------------------------------- */

/* The directory that the tree becomes, made where it is missing. Returns its descriptor, or -1 with *e. */
static int open_root(struct work *w, struct err *e)
{
    CLEANUP_FREE char *path = tree_work_path(&w->base, e);
    const struct user *u = w->base.user;
    size_t n = path ? strlen(path) : 0;
    int fd;

    if (!path)
        return -1;
    while (n > 1 && path[n - 1] == '/')
        path[--n] = 0;
    if (fs_make_parents(path, u->uid, u->gid, e) < 0)
        return -1;
    w->options.made_root = mkdir(path, 0700) == 0;
    if (!w->options.made_root && errno != EEXIST)
        return err_set(e, fs_status_strict(errno), errno, "make '%s'", path);
    w->options.uid = u->uid;
    w->options.gid = u->gid;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, fs_status_strict(errno), errno, "write '%s'", path);
    if (w->options.made_root && fchown(fd, u->uid, u->gid) < 0 && errno != EPERM) {
        err_set(e, fs_status_strict(errno), errno, "change owner of '%s'", path);
        fd_close(&fd);
    }
    return fd;
}

static int begin(struct work *w, struct err *e)
{
    int fd = open_root(w, e);

    w->begun = fd >= 0;
    return fd < 0 ? -1 : fs_tree_write_begin(&w->writer, fd, &w->options, e);
}

/* Notes that something could not be made. Returns 0, or -1: that ends it. */
static int note_problem(struct work *w, struct bytes path, const struct err *problem, struct err *e)
{
    Guest__V1__WriteTreeResponse *m = &w->answer;

    if (w->base.ends_early) {
        tree_work_fail(&w->base, problem->status, path, problem->text);
        return -1;
    }
    if (!m->problems)
        m->problems = arena_array(&w->arena, TREE_PROBLEMS_MAX, sizeof *m->problems);
    if (!m->problems)
        return err_nomem(e, "write a tree");
    m->problem_count++;
    if (m->n_problems == TREE_PROBLEMS_MAX)
        return 0;
    m->problems[m->n_problems] = tree_message_problem(path, problem, &w->arena);
    if (!m->problems[m->n_problems])
        return 0; /* beyond its bound it is counted only */
    m->n_problems++;
    return 0;
}

static int write_item(struct work *w, const Guest__V1__TreeItem *item, struct err *e)
{
    struct err problem;
    int ret = tree_message_write(&w->writer, item, &problem);

    if (ret == FS_TREE_REFUSED)
        return note_problem(w, tree_message_path(&w->writer, item), &problem, e);
    if (ret < 0)
        *e = problem;
    return ret;
}

static int write_message(struct work *w, const struct packed *p, struct err *e)
{
    struct arena a = {.max = DECODE_MAX};
    const struct bytes in = {(const char *)p->bytes, p->len};
    const Guest__V1__WriteTreeRequest *m =
        (void *)codec_decode(CODEC_PROTO, &guest__v1__write_tree_request__descriptor, in, &a, e);
    int ret = m ? 0 : -1;

    for (size_t i = 0; ret == 0 && i < m->n_items && !atomic_load(&w->base.stop); i++)
        ret = write_item(w, m->items[i], e);
    arena_clear(&a);
    return ret;
}

static int finish(struct work *w, struct err *e)
{
    static const struct bytes root = {"", 0};
    struct err problem;
    int ret = fs_tree_write_finish(&w->writer, &problem);

    if (ret == FS_TREE_REFUSED)
        ret = note_problem(w, root, &problem, e);
    else if (ret < 0)
        *e = problem;
    w->answer.files = w->writer.files;
    w->answer.directories = w->writer.directories;
    w->answer.bytes = w->writer.bytes;
    return ret;
}

static int write_input(struct work *w, struct err *e)
{
    const struct packed *p;

    if (!w->begun && begin(w, e) < 0)
        return -1;
    STAILQ_FOREACH (p, &w->input, link)
        if (write_message(w, p, e) < 0)
            return -1;
    return w->end ? finish(w, e) : 0;
}

static void run(struct job *j)
{
    struct work *w = CONTAINER_OF(j, struct work, base.job);
    bool entered;
    struct err e;

    entered = tree_work_enter(&w->base, &e) == 0;
    if ((!entered || (!w->close && write_input(w, &e) < 0)) && !w->base.failed) {
        w->base.failed = true;
        w->base.error = e;
    }
    w->finished = w->end && !w->base.failed;
    if (w->close || w->finished || w->base.failed || atomic_load(&w->base.stop))
        fs_tree_write_abandon(&w->writer);
    if (entered)
        tree_work_leave(&w->base);
}

/* --- on the loop ----------------------------------------------------------------------------- */

static void work_free(struct work *w)
{
    clear_list(&w->input);
    arena_clear(&w->arena);
    tree_work_clear(&w->base);
    free(w);
}

/* Nobody waits for it, and no worker is at it: what is open a worker has to close. */
static void orphan(struct work *w)
{
    w->base.call = 0;
    w->close = true;
    clear_list(&w->input);
    if (fs_tree_write_is_open(&w->writer))
        files_orphan(w->base.files, &w->base.job);
    else
        work_free(w);
}

/* Nobody waits any more. */
static void detach(struct writing *s)
{
    struct work *w = TAKE(s->work);

    ticket_drop(&s->files->waiting, s->ticket);
    if (w && s->running)
        atomic_store(&w->base.stop, true);
    else if (w)
        orphan(w);
}

static void destroy(void *state)
{
    struct writing *s = state;

    detach(s);
    clear_list(&s->next);
    free(s);
}

void write_tree_cancel(struct rpc_call *call, enum close_reason why)
{
    struct writing *s = rpc_state(call);

    (void)why;
    if (s)
        detach(s);
}

/* Lets a worker go on, if none is at it and there is something to do. */
static void pump(struct writing *s)
{
    struct work *w = s->work;
    struct err e;

    if (s->running || (STAILQ_EMPTY(&s->next) && !s->complete))
        return;
    clear_list(&w->input);
    STAILQ_CONCAT(&w->input, &s->next);
    s->next_bytes = 0;
    w->end = s->complete;
    if (tree_work_submit(&w->base, &e) < 0) {
        rpc_finish(s->call, &e);
        return;
    }
    s->running = true;
    if (s->held) {
        s->held = false;
        rpc_resume(s->call);
    }
}

static void done(struct job *j)
{
    struct work *w = CONTAINER_OF(j, struct work, base.job);
    struct files *f = w->base.files;
    struct writing *s = ticket_find(&f->waiting, w->base.call);

    if (!s) {
        orphan(w);
    } else {
        s->running = false;
        if (w->base.failed)
            rpc_finish(s->call, &w->base.error);
        else if (w->finished)
            rpc_reply(s->call, &w->answer.base);
        else
            pump(s);
    }
    files_retry_orphans(f);
}

/* The state of a call. NULL: it was finished with an error. */
static struct writing *writing_of(struct rpc_call *call)
{
    struct files *f = rpc_context(call);
    struct writing *s = rpc_state(call);
    struct err e;

    if (s)
        return s;
    s = calloc(1, sizeof *s);
    if (s && (s->ticket = ticket_new(&f->waiting, s))) {
        s->call = call;
        s->files = f;
        STAILQ_INIT(&s->next);
        rpc_set_state(call, s, destroy);
        return s;
    }
    free(s);
    err_nomem(&e, "write a tree");
    rpc_finish(call, &e);
    return NULL;
}

/* The first message. Returns 0, or -1 with *e. */
static int take_options(struct writing *s, const Guest__V1__WriteTreeOptions *o, struct err *e)
{
    struct work *w = calloc(1, sizeof *w);

    if (!w)
        return err_nomem(e, "write a tree");
    if (tree_work_init(&w->base, s->call, o->path, &o->path_bytes, e) < 0) {
        free(w);
        return -1;
    }
    w->base.job = (struct job){.run = run, .done = done};
    w->base.call = s->ticket;
    w->base.ends_early = o->stop;
    w->options = (struct fs_tree_write_options){
        .keep_old = !o->overwrite, .give = true, .owners = o->owners, .mode_mask = 07777};
    w->writer = FS_TREE_WRITER_NONE;
    w->arena.max = LIST_BYTES_MAX;
    STAILQ_INIT(&w->input);
    guest__v1__write_tree_response__init(&w->answer);
    s->work = w;
    return 0;
}

/* Keeps the message for the next run. Returns 0, or -1 with *e. */
static int keep(struct writing *s, const ProtobufCMessage *m, size_t len, struct err *e)
{
    struct packed *p = malloc(sizeof *p + len);

    if (!p)
        return err_nomem(e, "write a tree");
    p->len = protobuf_c_message_pack(m, p->bytes);
    STAILQ_INSERT_TAIL(&s->next, p, link);
    s->next_bytes += len;
    return 0;
}

/* Returns 1 when it was taken, 0: not yet, or -1 with *e. */
static int take(struct writing *s, const Guest__V1__WriteTreeRequest *m, struct err *e)
{
    size_t len = protobuf_c_message_get_packed_size(&m->base);

    if (!s->work != !!m->options)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "options come in the first message, and in no other");
    if (len > TREE_BLOCK + TREE_MESSAGE)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "a message of %zu bytes: more than %u", len,
                       (unsigned)TREE_BLOCK);
    if (s->next_bytes > 0 && s->next_bytes + len > TREE_BLOCK)
        return 0;
    if (m->options && take_options(s, m->options, e) < 0)
        return -1;
    return keep(s, &m->base, len, e) < 0 ? -1 : 1;
}

enum rpc_taken write_tree_message(struct rpc_call *call, const ProtobufCMessage *message)
{
    struct writing *s = writing_of(call);
    struct err e;
    int taken;

    if (!s)
        return RPC_NEXT;
    taken = take(s, (const Guest__V1__WriteTreeRequest *)message, &e);
    s->held = taken == 0;
    if (taken < 0)
        rpc_finish(call, &e);
    else if (taken > 0) /* else a worker is at it */
        pump(s);
    return taken == 0 ? RPC_HOLD : RPC_NEXT;
}

void write_tree_half_close(struct rpc_call *call)
{
    struct writing *s = rpc_state(call);
    struct err e;

    if (s && s->work) {
        s->complete = true;
        pump(s);
        return;
    }
    err_set(&e, STATUS_INVALID_ARGUMENT, 0, "a tree without options");
    rpc_finish(call, &e);
}
