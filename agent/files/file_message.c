#include "files/file_message.h"

#include "files/entry_message.h"

static Guest__V1__FileInfo__Type type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return GUEST__V1__FILE_INFO__TYPE__TYPE_FILE;
    case S_IFDIR:
        return GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY;
    case S_IFLNK:
        return GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK;
    case S_IFIFO:
        return GUEST__V1__FILE_INFO__TYPE__TYPE_FIFO;
    case S_IFSOCK:
        return GUEST__V1__FILE_INFO__TYPE__TYPE_SOCKET;
    case S_IFCHR:
        return GUEST__V1__FILE_INFO__TYPE__TYPE_CHARACTER_DEVICE;
    case S_IFBLK:
        return GUEST__V1__FILE_INFO__TYPE__TYPE_BLOCK_DEVICE;
    default:
        return GUEST__V1__FILE_INFO__TYPE__TYPE_UNSPECIFIED;
    }
}

static ProtobufCBinaryData bytes_in(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

static Google__Protobuf__Timestamp *time_in(Google__Protobuf__Timestamp *t, const struct timespec *from)
{
    google__protobuf__timestamp__init(t);
    t->seconds = from->tv_sec;
    t->nanos = (int32_t)from->tv_nsec;
    return t;
}

Guest__V1__FileInfo *file_message(const struct fs_file *f, const char *name, const char *path,
                                  struct arena *a)
{
    struct {
        Guest__V1__FileInfo info;
        Google__Protobuf__Timestamp modified, changed, accessed;
    } *room = arena_alloc(a, sizeof *room);
    Guest__V1__FileInfo *m;

    if (!room)
        return NULL;
    m = &room->info;
    guest__v1__file_info__init(m);
    m->name = bytes_in(name);
    m->path = bytes_in(path);
    m->type = type_of(f->st.st_mode);
    m->mode = f->st.st_mode;
    m->uid = f->st.st_uid;
    m->gid = f->st.st_gid;
    m->owner = entry_text(f->owner, a);
    m->group = entry_text(f->group, a);
    m->size = f->st.st_size;
    m->blocks = f->st.st_blocks;
    m->inode = f->st.st_ino;
    m->device = f->st.st_dev;
    m->links = (uint32_t)f->st.st_nlink;
    m->modified_time = time_in(&room->modified, &f->st.st_mtim);
    m->changed_time = time_in(&room->changed, &f->st.st_ctim);
    m->accessed_time = time_in(&room->accessed, &f->st.st_atim);
    if (f->link_target)
        m->link_target = bytes_in(f->link_target);
    return m->owner && m->group ? m : NULL;
}
