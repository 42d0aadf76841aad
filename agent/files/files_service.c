#include "files/files_service.h"

#include <fcntl.h>

#include "core/limits.h"
#include "files/file_message.h"
#include "files/read_tree.h"
#include "files/unary.h"
#include "files/write_tree.h"
#include "guest/fs/change.h"
#include "guest/fs/copy.h"
#include "guest/fs/page.h"
#include "guest/fs/remove.h"
#include "guest/paths.h"
#include "guest/users.h"

/* --- what the works share -------------------------------------------------------------------- */

/* The response of the call, empty. NULL with *e. */
static void *respond(struct unary *u, const ProtobufCMessageDescriptor *d, struct err *e)
{
    u->response = arena_alloc(&u->arena, d->sizeof_message);
    if (u->response)
        protobuf_c_message_init(d, u->response);
    else
        err_nomem(e, "answer");
    return u->response;
}

/* Whether the bits are mode bits. */
static int check_mode(uint32_t mode, struct err *e)
{
    return mode <= 07777 ? 0 : err_set(e, STATUS_INVALID_ARGUMENT, 0, "mode %#o: more than 07777", mode);
}

/* What lstat(2) of the path says, as a message. */
static Guest__V1__FileInfo *describe(struct unary *u, const char *path, struct err *e)
{
    struct fs_entry_reader reader;
    struct fs_file file;
    const char *name = arena_string(&u->arena, path_base(path)),
               *own = arena_string(&u->arena, bytes_of(path));
    Guest__V1__FileInfo *m = NULL;

    if (fs_entry_reader_init(&reader, &u->arena, e) < 0)
        return NULL;
    if (fs_file_read_at(&reader, AT_FDCWD, path, path, &file, e) == 0) {
        m = name && own ? file_message(&file, name, own, &u->arena) : NULL;
        if (!m)
            err_nomem(e, "describe a file");
    }
    fs_entry_reader_clear(&reader);
    return m;
}

/* --- one entry ------------------------------------------------------------------------------- */

static int stat_work(struct unary *u, const struct user *user, struct err *e)
{
    const Guest__V1__StatFileRequest *m = (const Guest__V1__StatFileRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, &m->path_bytes, e);
    Guest__V1__StatFileResponse *r = path ? respond(u, &guest__v1__stat_file_response__descriptor, e) : NULL;

    return r && (r->file = describe(u, path, e)) ? 0 : -1;
}

static int make_dir_work(struct unary *u, const struct user *user, struct err *e)
{
    const Guest__V1__MakeFileDirRequest *m = (const Guest__V1__MakeFileDirRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, &m->path_bytes, e);
    Guest__V1__MakeFileDirResponse *r =
        path ? respond(u, &guest__v1__make_file_dir_response__descriptor, e) : NULL;

    if (!r || check_mode(m->mode, e) < 0 ||
        fs_make_dir(path, m->mode ? m->mode : 0755, user->uid, user->gid, e) < 0)
        return -1;
    return (r->file = describe(u, path, e)) ? 0 : -1;
}

static int remove_work(struct unary *u, const struct user *user, struct err *e)
{
    const Guest__V1__RemoveFileRequest *m = (const Guest__V1__RemoveFileRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, &m->path_bytes, e);

    if (!path || !respond(u, &guest__v1__remove_file_response__descriptor, e))
        return -1;
    return fs_remove_one(path, e);
}

static int symlink_work(struct unary *u, const struct user *user, struct err *e)
{
    const Guest__V1__SymlinkRequest *m = (const Guest__V1__SymlinkRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, &m->path_bytes, e);
    CLEANUP_FREE char *target = path ? files_path_text(m->target, &m->target_bytes, e) : NULL;

    if (!target || !respond(u, &guest__v1__symlink_response__descriptor, e))
        return -1;
    if (!*target)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "a link without a target");
    return fs_symlink(target, path, user->uid, user->gid, e);
}

static int read_link_work(struct unary *u, const struct user *user, struct err *e)
{
    const Guest__V1__ReadLinkRequest *m = (const Guest__V1__ReadLinkRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, &m->path_bytes, e);
    Guest__V1__ReadLinkResponse *r = path ? respond(u, &guest__v1__read_link_response__descriptor, e) : NULL;
    const char *target = r ? fs_read_link(AT_FDCWD, path, &u->arena, e) : NULL;

    if (!target)
        return -1;
    r->target = (ProtobufCBinaryData){strlen(target), (uint8_t *)(uintptr_t)target};
    return 0;
}

/* --- trees ----------------------------------------------------------------------------------- */

static int chmod_work(struct unary *u, const struct user *user, struct err *e)
{
    const Guest__V1__ChmodRequest *m = (const Guest__V1__ChmodRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, &m->path_bytes, e);
    struct fs_change change = {.path = path, .recursive = m->recursive, .stop = &u->stop};

    if (!path || check_mode(m->mode, e) < 0 || !respond(u, &guest__v1__chmod_response__descriptor, e))
        return -1;
    return fs_chmod(&change, m->mode, e);
}

/* Names come before numbers; a number needs no entry. */
static int find_owner(const char *owner, uid_t *uid, struct err *e)
{
    CLEANUP_FREE struct user *user = NULL;

    *uid = FS_KEEP;
    if (!*owner)
        return 0;
    user = users_find(owner, e);
    if (user) {
        *uid = user->uid;
        return 0;
    }
    if (e->status != STATUS_NOT_FOUND || strlen(owner) > 9 || strspn(owner, "0123456789") != strlen(owner))
        return -1;
    *uid = (uid_t)strtoul(owner, NULL, 10);
    return 0;
}

static int chown_work(struct unary *u, const struct user *user, struct err *e)
{
    const Guest__V1__ChownRequest *m = (const Guest__V1__ChownRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, &m->path_bytes, e);
    struct fs_change change = {.path = path, .recursive = m->recursive, .stop = &u->stop};
    gid_t gid = FS_KEEP;
    uid_t uid;

    if (!path || find_owner(m->owner, &uid, e) < 0 || (*m->group && users_group(m->group, &gid, e) < 0) ||
        !respond(u, &guest__v1__chown_response__descriptor, e))
        return -1;
    return fs_chown(&change, uid, gid, e);
}

static int copy_work(struct unary *u, const struct user *user, struct err *e)
{
    const Guest__V1__CopyRequest *m = (const Guest__V1__CopyRequest *)u->request;
    CLEANUP_FREE char *source = unary_path(u, user, m->source, &m->source_bytes, e);
    CLEANUP_FREE char *destination =
        source ? unary_path(u, user, m->destination, &m->destination_bytes, e) : NULL;
    struct fs_copy copy = {.source = source,
                           .destination = destination,
                           .recursive = m->recursive,
                           .overwrite = m->overwrite,
                           .stop = &u->stop};
    Guest__V1__CopyResponse *r = destination ? respond(u, &guest__v1__copy_response__descriptor, e) : NULL;

    if (!r || fs_copy(&copy, e) < 0)
        return -1;
    r->files = copy.files;
    r->directories = copy.directories;
    r->bytes = copy.bytes;
    return 0;
}

/* --- List ------------------------------------------------------------------------------------ */

struct gathering {
    struct unary *u;
    struct fs_entry_reader reader;
    const char *path; /* of the directory, without a slash at its end */
    Guest__V1__ListFilesResponse *r;
};

/* Adds an entry to the page; the page also ends when it has become long in bytes. */
static int gather(void *arg, int dir, const char *name, struct err *e)
{
    struct gathering *g = arg;
    struct arena *a = &g->u->arena;
    size_t n = strlen(g->path);
    struct fs_file file;
    char *path;

    if (atomic_load(&g->u->stop))
        return err_set(e, STATUS_CANCELED, 0, "listing '%s' was stopped", g->path);
    if (fs_file_read_at(&g->reader, dir, name, name, &file, e) < 0)
        return e->status == STATUS_NOT_FOUND ? 1 : -1; /* it vanished */
    path = arena_alloc(a, n + strlen(name) + 2);
    if (path) {
        memcpy(path, g->path, n);
        path[n] = '/';
        memcpy(path + n + 1, name, strlen(name) + 1);
        g->r->files[g->r->n_files] = file_message(&file, path + n + 1, path, a);
    }
    if (!path || !g->r->files[g->r->n_files])
        return err_nomem(e, "list a directory");
    g->r->n_files++;
    return a->total < LIST_PAGE_BYTES;
}

static int gather_page(struct gathering *g, struct fs_page *page, struct err *e)
{
    struct unary *u = g->u;

    if (fs_page(page, e) < 0)
        return -1;
    g->r->truncated = page->place.text[0] != 0;
    g->r->next_page = arena_string(&u->arena, bytes_of(page->place.text));
    if (!g->r->next_page)
        return err_nomem(e, "list a directory");
    return 0;
}

static int check_list(const Guest__V1__ListFilesRequest *m, struct fs_page *page, struct err *e)
{
    if (m->limit > LIST_PAGE_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "limit %u: more than %u", m->limit,
                       (unsigned)LIST_PAGE_MAX);
    if (strlen(m->page) >= sizeof page->place.text)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "page '%s': not one of List's", m->page);
    memcpy(page->place.text, m->page, strlen(m->page) + 1);
    page->limit = m->limit ? m->limit : LIST_PAGE_DEFAULT;
    return 0;
}

static int list_work(struct unary *u, const struct user *user, struct err *e)
{
    const Guest__V1__ListFilesRequest *m = (const Guest__V1__ListFilesRequest *)u->request;
    CLEANUP_FREE char *path = unary_path(u, user, m->path, &m->path_bytes, e);
    CLEANUP_FREE char *shown = path ? strdup(path) : NULL;
    struct gathering g = {.u = u, .path = shown};
    struct fs_page page = {.path = path, .found = gather, .arg = &g};
    int ret;

    if (!path || check_list(m, &page, e) < 0)
        return -1;
    g.r = respond(u, &guest__v1__list_files_response__descriptor, e);
    if (!g.r || !shown || !(g.r->files = arena_array(&u->arena, page.limit, sizeof(Guest__V1__FileInfo *))))
        return err_nomem(e, "list a directory");
    for (size_t n = strlen(shown); n > 0 && shown[n - 1] == '/';)
        shown[--n] = 0;
    if (fs_entry_reader_init(&g.reader, &u->arena, e) < 0)
        return -1;
    ret = gather_page(&g, &page, e);
    fs_entry_reader_clear(&g.reader);
    return ret;
}

/* --- the table ------------------------------------------------------------------------------- */

static enum rpc_taken stat_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, stat_work);
}

static enum rpc_taken list_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, list_work);
}

static enum rpc_taken make_dir_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, make_dir_work);
}

static enum rpc_taken remove_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, remove_work);
}

static enum rpc_taken chmod_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, chmod_work);
}

static enum rpc_taken chown_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, chown_work);
}

static enum rpc_taken symlink_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, symlink_work);
}

static enum rpc_taken read_link_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, read_link_work);
}

static enum rpc_taken copy_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, copy_work);
}

#define METHOD(name_, function, message_)                                                                    \
    {                                                                                                        \
        .name = (name_), .kind = RPC_UNARY, .input = &guest__v1__##message_##_request__descriptor,           \
        .output = &guest__v1__##message_##_response__descriptor, .message = function##_call                  \
    }

static const struct rpc_method methods[] = {
    METHOD("Stat", stat, stat_file),
    METHOD("List", list, list_files),
    METHOD("MakeDir", make_dir, make_file_dir),
    METHOD("Remove", remove, remove_file),
    METHOD("Chmod", chmod, chmod),
    METHOD("Chown", chown, chown),
    METHOD("Symlink", symlink, symlink),
    METHOD("ReadLink", read_link, read_link),
    METHOD("Copy", copy, copy),
    {.name = "ReadTree",
     .kind = RPC_SERVER_STREAM,
     .input = &guest__v1__read_tree_request__descriptor,
     .output = &guest__v1__read_tree_response__descriptor,
     .message = read_tree_message,
     .produce = read_tree_produce,
     .cancel = read_tree_cancel},
    {.name = "WriteTree",
     .kind = RPC_CLIENT_STREAM,
     .input = &guest__v1__write_tree_request__descriptor,
     .output = &guest__v1__write_tree_response__descriptor,
     .message = write_tree_message,
     .half_close = write_tree_half_close,
     .cancel = write_tree_cancel},
};

int files_service_init(struct files *f)
{
    f->own = (struct rpc_service){
        .name = "guest.v1.Files", .methods = methods, .count = ARRAY_LEN(methods), .context = f};
    return rpc_register(f->rpc, &f->own);
}
