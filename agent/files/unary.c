#include "files/unary.h"

#include "core/limits.h"

/* The call's state, on the loop: it outlives no call, the job may. */
struct wait {
    struct files *files;
    struct rpc_call *call;
    ticket ticket;
    struct unary *at_work; /* NULL when that is done */
};

static void forget(void *state)
{
    struct wait *w = state;

    if (w->at_work)
        atomic_store(&w->at_work->stop, true);
    ticket_drop(&w->files->waiting, w->ticket);
    free(w);
}

static void unary_free(struct unary *u)
{
    fs_caller_clear(&u->caller);
    arena_clear(&u->arena);
    chain_clear(&u->encoded);
    free(u);
}

static int work_as_caller(struct unary *u, struct err *e)
{
    CLEANUP_FREE struct user *user = fs_caller_user(&u->caller, e);
    int ret;

    if (!user || fs_caller_enter(&u->caller, user, e) < 0)
        return -1;
    ret = u->work(u, user, e);
    fs_caller_leave(&u->caller);
    return ret;
}

static void run(struct job *j)
{
    struct unary *u = CONTAINER_OF(j, struct unary, job);

    u->failed =
        work_as_caller(u, &u->error) < 0 || rpc_encode(u->form, u->response, &u->encoded, &u->error) < 0;
    arena_clear(&u->arena); /* here, where nobody waits for it */
}

static void done(struct job *j)
{
    struct unary *u = CONTAINER_OF(j, struct unary, job);
    struct wait *w = ticket_find(&u->files->waiting, u->waiting);

    if (w) {
        w->at_work = NULL;
        if (u->failed)
            rpc_finish(w->call, &u->error);
        else
            rpc_reply_encoded(w->call, &u->encoded);
    }
    unary_free(u);
}

/* A copy in the arena: by the wire's own form. */
static const ProtobufCMessage *copy_message(const ProtobufCMessage *m, struct arena *a, struct err *e)
{
    size_t len = protobuf_c_message_get_packed_size(m);
    uint8_t *packed = arena_alloc(a, len + 1); /* an empty message is one, too */
    const ProtobufCMessage *copy;

    if (!packed) {
        err_nomem(e, "copy a request");
        return NULL;
    }
    protobuf_c_message_pack(m, packed);
    copy = codec_decode(CODEC_PROTO, m->descriptor, (struct bytes){(const char *)packed, len}, a, e);
    a->max = LIST_BYTES_MAX; /* the decoder sets a bound for a message of that length */
    return copy;
}

/* With the call's own request. */
static struct unary *unary_new(struct files *f, const struct rpc_call *call, const ProtobufCMessage *m,
                               struct err *e)
{
    struct unary *u = calloc(1, sizeof *u);

    if (!u) {
        err_nomem(e, "ask a worker");
        return NULL;
    }
    *u = (struct unary){.job = {.run = run, .done = done},
                        .files = f,
                        .legacy = rpc_legacy_client(call),
                        .form = rpc_form(call),
                        .request = m,
                        .arena = {.max = LIST_BYTES_MAX}};
    if (fs_caller_init(&u->caller, rpc_user(call), f->settings->env, f->as_user) == 0)
        return u;
    unary_free(u);
    err_nomem(e, "ask a worker");
    return NULL;
}

/* The value of a string or bytes field of that name; ptr is NULL when there is no such field. */
static struct bytes field_of(const ProtobufCMessage *m, const char *name)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);
    const void *value = field ? (const char *)m + field->offset : NULL;
    const ProtobufCBinaryData *data = value;

    if (!field)
        return (struct bytes){NULL, 0};
    return field->type == PROTOBUF_C_TYPE_BYTES ? (struct bytes){(const char *)data->data, data->len}
                                                : bytes_of(*(char *const *)value);
}

/* The path that a request is about, on the heap; of two the one that it comes from. NULL: none, or out of memory. */
static char *path_of(const ProtobufCMessage *m)
{
    static const char *const names[] = {"path_bytes", "path", "source_bytes", "source"};
    bool found = false;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct bytes path = field_of(m, names[i]);

        if (path.len > 0)
            return strndup(path.ptr, path.len);
        found |= path.ptr != NULL;
    }
    return found ? strdup("") : NULL;
}

/* The only place where these calls go to the workers. On failure u still is the caller's. */
static int submit(struct files *f, struct unary *u, struct wait *w, struct err *e)
{
    CLEANUP_FREE char *path = path_of(u->request);

    u->waiting = ticket_new(&f->waiting, w);
    if (!u->waiting)
        return err_nomem(e, "ask a worker");
    if (fs_submit(&f->workers, &u->job, &u->caller, path, e) == 0)
        return 0;
    ticket_drop(&f->waiting, u->waiting);
    return -1;
}

/* Works on the loop's thread with what is in memory. False: a worker has to. */
static bool work_cached(struct unary *u)
{
    struct fs_cached known = {.mounts = fs_workers_mounts(&u->files->workers)};
    CLEANUP_FREE struct user *user = NULL;
    struct users_stamps now;
    struct err e;
    bool done;

    if (u->caller.as_user || !users_stamps_cached(&now))
        return false;
    user = fs_caller_cached(&u->caller, &now);
    known.owners = user ? owners_cached(&now) : NULL;
    if (!known.owners)
        return false;
    u->cached = &known;
    done = u->work(u, user, &e) == 0;
    u->cached = NULL;
    owners_put(known.owners);
    return done;
}

/* Has a worker do it. On failure u still is the caller's. */
static int begin(struct files *f, struct rpc_call *call, struct unary *u, struct err *e)
{
    struct wait *w = calloc(1, sizeof *w);

    if (!w)
        return err_nomem(e, "ask a worker");
    u->request = copy_message(u->request, &u->arena, e);
    if (!u->request || submit(f, u, w, e) < 0) {
        free(w);
        return -1;
    }
    *w = (struct wait){.files = f, .call = call, .ticket = u->waiting, .at_work = u};
    rpc_set_state(call, w, forget);
    return 0;
}

static enum rpc_taken begin_work(struct rpc_call *call, const ProtobufCMessage *m, bool at_once,
                                 int (*work)(struct unary *u, const struct user *user, struct err *e))
{
    struct files *f = rpc_context(call);
    struct err e;
    struct unary *u = unary_new(f, call, m, &e);

    if (u)
        u->work = work;
    if (u && at_once && work_cached(u)) {
        rpc_reply(call, u->response);
        unary_free(u);
    } else if (!u || begin(f, call, u, &e) < 0) {
        if (u)
            unary_free(u);
        rpc_finish(call, &e);
    }
    return RPC_NEXT;
}

enum rpc_taken unary_begin(struct rpc_call *call, const ProtobufCMessage *m,
                           int (*work)(struct unary *u, const struct user *user, struct err *e))
{
    return begin_work(call, m, false, work);
}

enum rpc_taken unary_begin_cached(struct rpc_call *call, const ProtobufCMessage *m,
                                  int (*work)(struct unary *u, const struct user *user, struct err *e))
{
    return begin_work(call, m, true, work);
}

char *unary_path(struct unary *u, const struct user *user, const char *text, const ProtobufCBinaryData *bytes,
                 struct err *e)
{
    CLEANUP_FREE char *path = files_path_text(text, bytes, e);

    return path ? fs_caller_path(&u->caller, user, path, e) : NULL;
}
