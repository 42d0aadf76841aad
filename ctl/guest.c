#include "ctl/guest.h"

#include <stdio.h>

#include "core/limits.h"
#include "core/utf8.h"
#include "ctl/client/rest.h"

/* --- names ----------------------------------------------------------------------------------- */

const char *guest_path(const char *word)
{
    return *word == ':' ? word + 1 : word;
}

char *guest_join(const char *directory, const char *name)
{
    size_t n = strlen(directory);
    char *path;

    return asprintf(&path, "%s%s%s", directory, n > 0 && directory[n - 1] == '/' ? "" : "/", name) < 0 ? NULL
                                                                                                       : path;
}

struct bytes guest_base(const char *path)
{
    size_t end = strlen(path), start;

    while (end > 0 && path[end - 1] == '/')
        end--;
    for (start = end; start > 0 && path[start - 1] != '/'; start--)
        ;
    return (struct bytes){path + start, end - start};
}

char *guest_text(ProtobufCBinaryData data)
{
    if (data.len > 0 && memchr(data.data, 0, data.len))
        return NULL;
    return strndup(data.len > 0 ? (const char *)data.data : "", data.len);
}

/* --- calls ----------------------------------------------------------------------------------- */

int guest_open(struct guest *g, const struct ctl *ctl, const char *user, struct err *e)
{
    *g = (struct guest){.ctl = ctl, .user = user, .arena = {.max = DECODE_MAX}};
    return client_name_user(user, g->authorization, e);
}

void guest_close(struct guest *g)
{
    client_close(&g->client);
    arena_clear(&g->arena);
}

void guest_forget(struct guest *g)
{
    arena_clear(&g->arena);
}

struct client_options guest_options(const struct guest *g)
{
    return (struct client_options){.authorization = g->user ? g->authorization : NULL};
}

void guest_set_path(const char *path, char **text, ProtobufCBinaryData *bytes)
{
    if (utf8_valid(bytes_of(path)))
        *text = (char *)(uintptr_t)path;
    else
        *bytes = (ProtobufCBinaryData){strlen(path), (uint8_t *)(uintptr_t)path};
}

const ProtobufCMessage *guest_call(struct guest *g, const char *method, const ProtobufCMessage *m,
                                   const ProtobufCMessageDescriptor *d, struct answer_error *e)
{
    struct client_options o = guest_options(g);
    ProtobufCMessage *answer;

    e->from_agent = false;
    if (client_reuse(&g->client, g->ctl, &e->err) < 0)
        return NULL;
    return client_call_with(&g->client, method, &o, m, d, &g->arena, &answer, e) < 0 ? NULL : answer;
}

/* The path of a request that carries UTF-8 only. NULL with *e. */
static char *text_path(const char *path, struct answer_error *e)
{
    e->from_agent = true; /* it is no failure of ours */
    if (utf8_valid(bytes_of(path)))
        return (char *)(uintptr_t)path;
    err_set(&e->err, STATUS_INVALID_ARGUMENT, 0, "the agent takes no name here that is not UTF-8");
    return NULL;
}

static const guest_file *stat_one(struct guest *g, const char *path, struct answer_error *e)
{
    Guest__V1__StatFileRequest m = GUEST__V1__STAT_FILE_REQUEST__INIT;
    const ProtobufCMessage *answer;

    guest_set_path(path, &m.path, &m.path_bytes);
    answer = guest_call(g, "guest.v1.Files/Stat", &m.base, &guest__v1__stat_file_response__descriptor, e);
    if (answer && ((const Guest__V1__StatFileResponse *)answer)->file)
        return ((const Guest__V1__StatFileResponse *)answer)->file;
    if (answer)
        err_set(&e->err, STATUS_INTERNAL, 0, "%s: an answer without a file", g->ctl->target.text);
    return NULL;
}

/* Where a link leads in the end. NULL with *e. */
static const char *target_of(struct guest *g, const char *path, struct answer_error *e)
{
    Filesystem__StatRequest m = FILESYSTEM__STAT_REQUEST__INIT;
    const Filesystem__StatResponse *r;

    m.path = text_path(path, e);
    if (!m.path)
        return NULL;
    r = (const Filesystem__StatResponse *)guest_call(g, "filesystem.Filesystem/Stat", &m.base,
                                                     &filesystem__stat_response__descriptor, e);
    if (!r)
        return NULL;
    if (r->entry && r->entry->_symlink_target_case &&
        r->entry->type != FILESYSTEM__FILE_TYPE__FILE_TYPE_SYMLINK &&
        strcmp(r->entry->symlink_target, r->entry->path) != 0)
        return r->entry->symlink_target;
    e->from_agent = true;
    err_set(&e->err, STATUS_NOT_FOUND, 0, "a link to nothing");
    return NULL;
}

const guest_file *guest_stat(struct guest *g, const char *path, bool follow, struct answer_error *e)
{
    const guest_file *f = stat_one(g, path, e);
    const char *target;

    if (!f || !follow || f->type != GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK)
        return f;
    target = target_of(g, path, e);
    return target ? stat_one(g, target, e) : NULL;
}

const Guest__V1__ListFilesResponse *guest_list(struct guest *g, const char *path, const char *page,
                                               struct answer_error *e)
{
    Guest__V1__ListFilesRequest m = GUEST__V1__LIST_FILES_REQUEST__INIT;

    guest_set_path(path, &m.path, &m.path_bytes);
    m.page = (char *)(uintptr_t)page;
    return (const Guest__V1__ListFilesResponse *)guest_call(g, "guest.v1.Files/List", &m.base,
                                                            &guest__v1__list_files_response__descriptor, e);
}

int guest_remove(struct guest *g, const char *path, struct answer_error *e)
{
    Guest__V1__RemoveFileRequest m = GUEST__V1__REMOVE_FILE_REQUEST__INIT;

    guest_set_path(path, &m.path, &m.path_bytes);
    return guest_call(g, "guest.v1.Files/Remove", &m.base, &guest__v1__remove_file_response__descriptor, e)
               ? 0
               : -1;
}

int guest_mkdir(struct guest *g, const char *path, uint32_t mode, struct answer_error *e)
{
    Guest__V1__MakeFileDirRequest m = GUEST__V1__MAKE_FILE_DIR_REQUEST__INIT;

    guest_set_path(path, &m.path, &m.path_bytes);
    m.mode = mode;
    return guest_call(g, "guest.v1.Files/MakeDir", &m.base, &guest__v1__make_file_dir_response__descriptor, e)
               ? 0
               : -1;
}

int guest_symlink(struct guest *g, const char *path, const char *target, struct answer_error *e)
{
    Guest__V1__SymlinkRequest m = GUEST__V1__SYMLINK_REQUEST__INIT;

    guest_set_path(path, &m.path, &m.path_bytes);
    guest_set_path(target, &m.target, &m.target_bytes);
    return guest_call(g, "guest.v1.Files/Symlink", &m.base, &guest__v1__symlink_response__descriptor, e) ? 0
                                                                                                         : -1;
}

int guest_chmod(struct guest *g, const char *path, uint32_t mode, bool recursive, struct answer_error *e)
{
    Guest__V1__ChmodRequest m = GUEST__V1__CHMOD_REQUEST__INIT;

    guest_set_path(path, &m.path, &m.path_bytes);
    m.mode = mode;
    m.recursive = recursive;
    return guest_call(g, "guest.v1.Files/Chmod", &m.base, &guest__v1__chmod_response__descriptor, e) ? 0 : -1;
}

int guest_copy(struct guest *g, const char *from, const char *to, bool recursive, struct answer_error *e)
{
    Guest__V1__CopyRequest m = GUEST__V1__COPY_REQUEST__INIT;

    guest_set_path(from, &m.source, &m.source_bytes);
    guest_set_path(to, &m.destination, &m.destination_bytes);
    m.recursive = recursive;
    m.overwrite = true;
    return guest_call(g, "guest.v1.Files/Copy", &m.base, &guest__v1__copy_response__descriptor, e) ? 0 : -1;
}

int guest_move(struct guest *g, const char *from, const char *to, struct answer_error *e)
{
    Filesystem__MoveRequest m = FILESYSTEM__MOVE_REQUEST__INIT;

    m.source = text_path(from, e);
    m.destination = m.source ? text_path(to, e) : NULL;
    return m.destination && guest_call(g, "filesystem.Filesystem/Move", &m.base,
                                       &filesystem__move_response__descriptor, e)
               ? 0
               : -1;
}

int guest_remove_all(struct guest *g, const char *path, struct answer_error *e)
{
    Filesystem__RemoveRequest m = FILESYSTEM__REMOVE_REQUEST__INIT;

    m.path = text_path(path, e);
    return m.path && guest_call(g, "filesystem.Filesystem/Remove", &m.base,
                                &filesystem__remove_response__descriptor, e)
               ? 0
               : -1;
}

int guest_mkdir_all(struct guest *g, const char *path, struct answer_error *e)
{
    Filesystem__MakeDirRequest m = FILESYSTEM__MAKE_DIR_REQUEST__INIT;

    m.path = text_path(path, e);
    return m.path && guest_call(g, "filesystem.Filesystem/MakeDir", &m.base,
                                &filesystem__make_dir_response__descriptor, e)
               ? 0
               : -1;
}

/* Asks for the header of the file. Returns HTTP's status, or -1 with *e. */
static int ask_head(struct guest *g, const char *path, struct err *e)
{
    struct http_fields fields = {0};
    struct buffer target = {0};
    int ret = buffer_add(&target, "/files", 6);

    if (ret == 0)
        ret = rest_query(&target, "path", bytes_of(path));
    if (ret == 0 && g->user)
        ret = rest_query(&target, "username", bytes_of(g->user));
    if (ret < 0)
        err_nomem(e, "ask for a file");
    else if (client_put_fields(&g->client, NULL, &fields, e) < 0 ||
             rest_head(&g->client.wire, &target, &fields, e) < 0)
        ret = -1;
    http_fields_clear(&fields);
    buffer_clear(&target);
    return ret < 0 ? -1 : client_wait(&g->client, e);
}

const char *guest_etag(struct guest *g, const char *path, struct answer_error *e)
{
    int status;
    struct bytes tag;

    e->from_agent = false;
    if (client_reuse(&g->client, g->ctl, &e->err) < 0 || (status = ask_head(g, path, &e->err)) < 0)
        return NULL;
    tag = http_fields_get(&g->client.wire.head, "etag");
    if (status == 200 && tag.len > 0)
        return arena_string(&g->arena, tag);
    e->from_agent = true;
    err_set(&e->err, status == 404 ? STATUS_NOT_FOUND : STATUS_UNKNOWN, 0, "HTTP %d, and no ETag", status);
    return NULL;
}

int guest_fail(const char *verb, const char *name, const struct answer_error *e)
{
    return ctl_say(e->from_agent ? CTL_REFUSED : CTL_FAILED, "%s '%s': %s", verb, name, e->err.text);
}
