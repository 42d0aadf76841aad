#include "files/entry_message.h"

#include "core/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* Generated structs have no const; nobody writes there. */
static char *bare(const char *text)
{
    return (char *)(uintptr_t)text;
}

char *entry_text(const char *text, struct arena *a)
{
    struct bytes rest = bytes_of(text);
    char *copy, *out;

    if (utf8_valid(rest))
        return bare(text);
    copy = out = arena_alloc(a, 3 * rest.len + 1); /* each byte may become three */
    if (!copy)
        return NULL;
    while (rest.len > 0) {
        size_t n = utf8_char(rest);

        if (n > 0)
            memcpy(out, rest.ptr, n);
        else
            memcpy(out, REPLACEMENT, 3);
        out += n > 0 ? n : 3;
        n = MAX(n, 1);
        rest = (struct bytes){rest.ptr + n, rest.len - n};
    }
    *out = 0;
    return copy;
}

/* The bytes of a text that had to be changed; empty for others. */
static ProtobufCBinaryData changed_bytes(const char *was, const char *is)
{
    if (was == is)
        return (ProtobufCBinaryData){0, NULL};
    return (ProtobufCBinaryData){strlen(was), (uint8_t *)(uintptr_t)was};
}

static int put_names(Filesystem__EntryInfo *m, const struct fs_entry *e, struct arena *a)
{
    m->name = entry_text(e->name, a);
    m->path = entry_text(e->path, a);
    if (!m->name || !m->path)
        return -1;
    m->name_bytes = changed_bytes(e->name, m->name);
    m->path_bytes = changed_bytes(e->path, m->path);
    return 0;
}

static int put_time(Filesystem__EntryInfo *m, const struct timespec *t, struct arena *a)
{
    if (t->tv_sec == 0 && t->tv_nsec == 0)
        return 0; /* as envd: no time */
    m->modified_time = arena_alloc(a, sizeof *m->modified_time);
    if (!m->modified_time)
        return -1;
    google__protobuf__timestamp__init(m->modified_time);
    m->modified_time->seconds = t->tv_sec;
    m->modified_time->nanos = (int32_t)t->tv_nsec;
    return 0;
}

static int put_metadata(Filesystem__EntryInfo *m, const struct fs_metadata *metadata, struct arena *a)
{
    size_t n = metadata->count;
    Filesystem__EntryInfo__MetadataEntry *entries;

    if (n == 0)
        return 0;
    entries = arena_array(a, n, sizeof *entries);
    m->metadata = arena_array(a, n, sizeof *m->metadata);
    if (!entries || !m->metadata)
        return -1;
    for (size_t i = 0; i < n; i++) {
        filesystem__entry_info__metadata_entry__init(&entries[i]);
        entries[i].key = metadata->list[i].name;
        entries[i].value = metadata->list[i].value;
        m->metadata[m->n_metadata++] = &entries[i];
    }
    return 0;
}

static int put_rest(Filesystem__EntryInfo *m, const struct fs_entry *e, struct arena *a)
{
    m->size = e->st.st_size;
    m->mode = e->mode;
    m->permissions = arena_string(a, bytes_of(e->permissions));
    m->owner = entry_text(e->owner, a);
    m->group = entry_text(e->group, a);
    if (!m->permissions || !m->owner || !m->group)
        return -1;
    m->is_symlink = e->symlink_target != NULL;
    if (m->is_symlink) {
        m->_symlink_target_case = FILESYSTEM__ENTRY_INFO___SYMLINK_TARGET_SYMLINK_TARGET;
        m->symlink_target = entry_text(e->symlink_target, a);
        if (!m->symlink_target)
            return -1;
    }
    return put_time(m, &e->st.st_mtim, a) < 0 ? -1 : put_metadata(m, &e->metadata, a);
}

Filesystem__EntryInfo *entry_message(const struct fs_entry *e, bool brief, struct arena *a)
{
    static const Filesystem__FileType types[] = {
        [FS_OTHER] = FILESYSTEM__FILE_TYPE__FILE_TYPE_UNSPECIFIED,
        [FS_FILE] = FILESYSTEM__FILE_TYPE__FILE_TYPE_FILE,
        [FS_DIRECTORY] = FILESYSTEM__FILE_TYPE__FILE_TYPE_DIRECTORY,
    };
    Filesystem__EntryInfo *m = arena_alloc(a, sizeof *m);

    if (!m)
        return NULL;
    filesystem__entry_info__init(m);
    m->type = types[e->type];
    if (put_names(m, e, a) < 0 || (!brief && put_rest(m, e, a) < 0))
        return NULL;
    return m;
}
