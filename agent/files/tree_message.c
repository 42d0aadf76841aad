#include "files/tree_message.h"

#include "core/limits.h"

/* What an item lies in: that much of a message it is, beside its path, its link's text and its content. */
struct room {
    Guest__V1__TreeItem item;
    Guest__V1__TreeEntry entry;
    Google__Protobuf__Timestamp modified;
};

/* --- reading --------------------------------------------------------------------------------- */

static ProtobufCBinaryData data_of(const void *ptr, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)ptr};
}

/* A copy in the arena. Returns 0, or -1 when out of memory. */
static int put_bytes(ProtobufCBinaryData *out, struct bytes s, struct arena *a)
{
    const char *copy = arena_string(a, s);

    *out = data_of(copy, s.len);
    return copy ? 0 : -1;
}

static Guest__V1__FileInfo__Type type_of(mode_t mode)
{
    return S_ISDIR(mode)   ? GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY
           : S_ISLNK(mode) ? GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK
                           : GUEST__V1__FILE_INFO__TYPE__TYPE_FILE;
}

static int put_entry(struct room *room, const struct fs_tree_item *item, struct arena *a)
{
    Guest__V1__TreeEntry *m = &room->entry;

    guest__v1__tree_entry__init(m);
    google__protobuf__timestamp__init(&room->modified);
    room->modified.seconds = item->st.st_mtim.tv_sec;
    room->modified.nanos = (int32_t)item->st.st_mtim.tv_nsec;
    m->type = type_of(item->st.st_mode);
    m->mode = item->st.st_mode & 07777;
    m->modified_time = &room->modified;
    m->size = S_ISREG(item->st.st_mode) ? item->st.st_size : 0;
    m->uid = item->st.st_uid;
    m->gid = item->st.st_gid;
    room->item.entry = m;
    if (item->target && put_bytes(&m->link_target, bytes_of(item->target), a) < 0)
        return -1;
    return put_bytes(&m->path, item->path, a);
}

Guest__V1__TreeProblem *tree_message_problem(struct bytes path, const struct err *e, struct arena *a)
{
    Guest__V1__TreeProblem *m = arena_alloc(a, sizeof *m);

    if (!m)
        return NULL;
    guest__v1__tree_problem__init(m);
    m->code = (char *)(uintptr_t)status_name(e->status);
    m->message = arena_string(a, bytes_of(e->text));
    return m->message && put_bytes(&m->path, path, a) == 0 ? m : NULL;
}

/* Adds the item, whose content lies at `content`. Returns 0, or -1 when out of memory. */
static int add(struct tree_items *items, const struct fs_tree_item *item, const uint8_t *content,
               struct arena *a)
{
    struct room *room = arena_alloc(a, sizeof *room);
    int ret = 0;

    if (!room)
        return -1;
    guest__v1__tree_item__init(&room->item);
    room->item.data = data_of(content, item->len);
    room->item.more = item->more;
    if (item->kind == FS_TREE_ENTRY)
        ret = put_entry(room, item, a);
    else if (item->kind == FS_TREE_PROBLEM)
        ret = (room->item.problem = tree_message_problem(item->path, &item->problem, a)) ? 0 : -1;
    if (ret == 0)
        items->list[items->count++] = &room->item;
    items->bytes += item->len;
    return ret;
}

int tree_message_read(struct fs_tree_reader *r, struct arena *a, struct tree_items *items, struct err *e)
{
    size_t used = 0, held = 0;
    uint8_t *content = arena_alloc(a, TREE_MESSAGE);

    *items = (struct tree_items){
        .list = arena_array(a, TREE_MESSAGE / sizeof(struct room) + 1, sizeof *items->list)};
    if (!content || !items->list)
        return err_nomem(e, "read a tree");
    while (used + held < TREE_MESSAGE) {
        struct fs_tree_item item;
        int ret = fs_tree_read(r, content + used, TREE_MESSAGE - used - held, &item, e);

        if (ret <= 0)
            return ret;
        if (add(items, &item, content + used, a) < 0)
            return err_nomem(e, "read a tree");
        used += item.len;
        held += sizeof(struct room) + (item.kind == FS_TREE_DATA ? 0 : item.path.len) +
                (item.target ? strlen(item.target) : 0);
    }
    return 1;
}

/* --- writing --------------------------------------------------------------------------------- */

static struct bytes bytes_in(ProtobufCBinaryData data)
{
    return (struct bytes){data.len > 0 ? (const char *)data.data : "", data.len};
}

struct bytes tree_message_path(const struct fs_tree_writer *w, const Guest__V1__TreeItem *item)
{
    return item->entry     ? bytes_in(item->entry->path)
           : item->problem ? bytes_in(item->problem->path)
           : w->path.ptr   ? w->path
                           : (struct bytes){"", 0};
}

/* The type among the bits of a mode; 0: one that no tree has. */
static mode_t mode_of(Guest__V1__FileInfo__Type type)
{
    switch (type) {
    case GUEST__V1__FILE_INFO__TYPE__TYPE_FILE:
        return S_IFREG;
    case GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY:
        return S_IFDIR;
    case GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK:
        return S_IFLNK;
    default:
        return 0;
    }
}

static int write_entry(struct fs_tree_writer *w, const Guest__V1__TreeItem *item, struct err *e)
{
    const Guest__V1__TreeEntry *m = item->entry;
    const Google__Protobuf__Timestamp *t = m->modified_time;
    struct fs_tree_entry entry = {
        .path = bytes_in(m->path),
        .mode = mode_of(m->type) | (m->mode & 07777),
        .has_mtime = t,
        .target = bytes_in(m->link_target),
        .uid = m->uid,
        .gid = m->gid,
    };

    if (t && (t->nanos < 0 || t->nanos > 999999999))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "a time with %d nanoseconds", t->nanos);
    if (t)
        entry.mtime = (struct timespec){t->seconds, t->nanos};
    return fs_tree_write_entry(w, &entry, bytes_in(item->data), item->more, e);
}

int tree_message_write(struct fs_tree_writer *w, const Guest__V1__TreeItem *item, struct err *e)
{
    if (item->entry)
        return write_entry(w, item, e);
    if (!item->problem)
        return fs_tree_write_data(w, bytes_in(item->data), item->more, e);
    fs_tree_write_forget(w);
    return 0;
}
