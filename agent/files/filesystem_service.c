#include "files/filesystem_service.h"

#include "core/limits.h"
#include "files/entry_message.h"
#include "files/unary.h"
#include "guest/fs/list.h"
#include "guest/fs/move.h"
#include "guest/fs/remove.h"

/* --- in a worker ----------------------------------------------------------------------------- */

/* The entry at the path as a message. */
static Filesystem__EntryInfo *describe(struct unary *u, const char *path, struct err *e)
{
    Filesystem__EntryInfo *m;
    struct fs_entry entry;

    if (u->cached ? !fs_entry_cached(path, u->cached, &u->arena, &entry)
                  : fs_entry_read(path, NULL, &u->arena, &entry, e) < 0)
        return NULL;
    m = entry_message(&entry, u->legacy, &u->arena);
    if (!m)
        err_nomem(e, "describe a file");
    return m;
}

/* Zeroed memory for a response. NULL with *e. */
static void *response(struct unary *u, size_t size, struct err *e)
{
    void *r = arena_array(&u->arena, 1, size);

    if (!r)
        err_nomem(e, "answer");
    return r;
}

static int stat_work(struct unary *u, const struct user *user, struct err *e)
{
    const Filesystem__StatRequest *m = (const Filesystem__StatRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, NULL, e);
    Filesystem__StatResponse *r = path ? response(u, sizeof *r, e) : NULL;

    if (!r)
        return -1;
    filesystem__stat_response__init(r);
    u->response = &r->base;
    r->entry = describe(u, path, e);
    return r->entry ? 0 : -1;
}

static int make_dir_work(struct unary *u, const struct user *user, struct err *e)
{
    const Filesystem__MakeDirRequest *m = (const Filesystem__MakeDirRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, NULL, e);
    Filesystem__MakeDirResponse *r = path ? response(u, sizeof *r, e) : NULL;

    if (!r || fs_make_new_dirs(path, user->uid, user->gid, e) < 0)
        return -1;
    filesystem__make_dir_response__init(r);
    u->response = &r->base;
    r->entry = describe(u, path, e);
    return r->entry ? 0 : -1;
}

static int move_work(struct unary *u, const struct user *user, struct err *e)
{
    const Filesystem__MoveRequest *m = (const Filesystem__MoveRequest *)u->request;
    CLEANUP_FREE char *source = unary_path(u, user, m->source, NULL, e);
    CLEANUP_FREE char *destination = source ? unary_path(u, user, m->destination, NULL, e) : NULL;
    Filesystem__MoveResponse *r = destination ? response(u, sizeof *r, e) : NULL;

    if (!r || fs_move(source, destination, user->uid, user->gid, e) < 0)
        return -1;
    filesystem__move_response__init(r);
    u->response = &r->base;
    r->entry = describe(u, destination, e);
    return r->entry ? 0 : -1;
}

static int remove_work(struct unary *u, const struct user *user, struct err *e)
{
    const Filesystem__RemoveRequest *m = (const Filesystem__RemoveRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, NULL, e);
    Filesystem__RemoveResponse *r = path ? response(u, sizeof *r, e) : NULL;

    if (!r || fs_remove(path, &u->stop, e) < 0)
        return -1;
    filesystem__remove_response__init(r);
    u->response = &r->base;
    return 0;
}

/* --- ListDir --------------------------------------------------------------------------------- */

/* Entries as messages, in an array that grows on the heap: in the arena each growth would leave the old one behind. */
struct gathering {
    struct unary *u;
    Filesystem__EntryInfo **list;
    size_t count, room;
};

static int gather(void *arg, const struct fs_entry *entry, struct err *e)
{
    struct gathering *g = arg;

    if (g->count == g->room) {
        size_t room = g->room ? 2 * g->room : 64;
        Filesystem__EntryInfo **list = realloc(g->list, room * sizeof *list);

        if (!list)
            return err_nomem(e, "list a directory");
        g->list = list;
        g->room = room;
    }
    g->list[g->count] = entry_message(entry, g->u->legacy, &g->u->arena);
    if (!g->list[g->count])
        return err_nomem(e, "list a directory");
    g->count++;
    return 0;
}

/* The arena's bound has a way around it. */
static void name_limit(const struct unary *u, const char *path, struct err *e)
{
    if (u->arena.exhausted)
        err_set(e, STATUS_RESOURCE_EXHAUSTED, 0,
                "the entries of '%s' need more than %u bytes (LIST_BYTES_MAX): guest.v1.Files/List has pages",
                path, (unsigned)LIST_BYTES_MAX);
}

static int list_entries(struct unary *u, const char *path, uint32_t depth, struct gathering *g, struct err *e)
{
    struct fs_entry_reader reader;
    struct fs_list list = {
        .path = path, .depth = depth, .stop = &u->stop, .reader = &reader, .found = gather, .arg = g};
    int ret;

    if (fs_entry_reader_init(&reader, &u->arena, e) < 0)
        return -1;
    ret = fs_list(&list, e);
    if (ret < 0)
        name_limit(u, path, e);
    fs_entry_reader_clear(&reader);
    return ret;
}

static int list_dir_work(struct unary *u, const struct user *user, struct err *e)
{
    const Filesystem__ListDirRequest *m = (const Filesystem__ListDirRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, NULL, e);
    Filesystem__ListDirResponse *r = path ? response(u, sizeof *r, e) : NULL;
    struct gathering g = {.u = u};
    int ret = r ? list_entries(u, path, m->depth, &g, e) : -1;

    if (ret == 0) {
        filesystem__list_dir_response__init(r);
        u->response = &r->base;
        r->n_entries = g.count;
        r->entries = arena_array(&u->arena, g.count + 1, sizeof(Filesystem__EntryInfo *));
        if (!r->entries)
            ret = err_nomem(e, "list a directory");
        else if (g.count)
            memcpy(r->entries, g.list, g.count * sizeof *g.list);
    }
    free(g.list);
    return ret;
}

/* --- the table ------------------------------------------------------------------------------- */

static enum rpc_taken stat_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin_cached(call, m, stat_work);
}

static enum rpc_taken make_dir_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, make_dir_work);
}

static enum rpc_taken move_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, move_work);
}

static enum rpc_taken list_dir_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, list_dir_work);
}

static enum rpc_taken remove_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, remove_work);
}

#define METHOD(name_, function)                                                                              \
    {                                                                                                        \
        .name = (name_), .kind = RPC_UNARY, .input = &filesystem__##function##_request__descriptor,          \
        .output = &filesystem__##function##_response__descriptor, .message = function##_call                 \
    }

static const struct rpc_method methods[] = {
    METHOD("Stat", stat),
    METHOD("MakeDir", make_dir),
    METHOD("Move", move),
    METHOD("ListDir", list_dir),
    METHOD("Remove", remove),
    {.name = "WatchDir",
     .kind = RPC_SERVER_STREAM,
     .input = &filesystem__watch_dir_request__descriptor,
     .output = &filesystem__watch_dir_response__descriptor,
     .message = watch_service_dir,
     .produce = watch_service_produce,
     .cancel = watch_service_cancel},
    {.name = "CreateWatcher",
     .kind = RPC_UNARY,
     .input = &filesystem__create_watcher_request__descriptor,
     .output = &filesystem__create_watcher_response__descriptor,
     .message = watch_service_create,
     .cancel = watch_service_give_up},
    {.name = "GetWatcherEvents",
     .kind = RPC_UNARY,
     .input = &filesystem__get_watcher_events_request__descriptor,
     .output = &filesystem__get_watcher_events_response__descriptor,
     .message = watch_service_events,
     .cancel = watch_service_give_up},
    {.name = "RemoveWatcher",
     .kind = RPC_UNARY,
     .input = &filesystem__remove_watcher_request__descriptor,
     .output = &filesystem__remove_watcher_response__descriptor,
     .message = watch_service_remove},
};

int filesystem_service_init(struct files *f)
{
    f->filesystem = (struct rpc_service){
        .name = "filesystem.Filesystem", .methods = methods, .count = ARRAY_LEN(methods), .context = f};
    return rpc_register(f->rpc, &f->filesystem);
}
