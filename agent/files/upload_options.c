#include "files/upload_options.h"

#include <errno.h>

#include "core/limits.h"
#include "files/files.h"

#define FIELD_PREFIX     "x-metadata-"
#define FIELD_PREFIX_LEN (sizeof FIELD_PREFIX - 1)
#define NAME_MAX_LEN     (255 - (sizeof FS_METADATA_PREFIX - 1)) /* xattr(7): 255 bytes with the prefix */

/* --- the query ------------------------------------------------------------------------------- */

static int bad(const char *name, const char *value, struct err *e)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "invalid value for parameter %s: '%s'", name, value);
}

/* "1", "true" or nothing; "0" or "false". */
static int get_bool(const char *name, const char *value, bool *out, struct err *e)
{
    *out = !*value || strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
    return *out || strcmp(value, "0") == 0 || strcmp(value, "false") == 0 ? 0 : bad(name, value, e);
}

/* A number without a sign at the front of *s, which goes on behind it. Returns -1 when there is none up to `most`. */
static int take_number(const char **s, int base, long long most, long long *out)
{
    char *end;

    errno = 0;
    if (**s < '0' || **s > '9')
        return -1;
    *out = strtoll(*s, &end, base);
    if (end == *s || errno || *out > most)
        return -1;
    *s = end;
    return 0;
}

static int set_atomic(const char *value, struct fs_write_options *o, struct err *e)
{
    return get_bool("atomic", value, &o->atomic, e);
}

static int set_special(const char *value, struct fs_write_options *o, struct err *e)
{
    return get_bool("special", value, &o->special, e);
}

static int set_fsync(const char *value, struct fs_write_options *o, struct err *e)
{
    static const char *const names[] = {
        [FS_SYNC_NONE] = "none", [FS_SYNC_FILE] = "file", [FS_SYNC_ALL] = "all"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            o->sync = (enum fs_sync)i;
            return 0;
        }
    }
    return bad("fsync", value, e);
}

static int set_mode(const char *value, struct fs_write_options *o, struct err *e)
{
    const char *at = value;
    long long mode;

    if (take_number(&at, 8, 07777, &mode) < 0 || *at)
        return bad("mode", value, e);
    o->has_mode = true;
    o->mode = (mode_t)mode;
    return 0;
}

/* Seconds since 1970, and up to nine digits behind a point. */
static int set_mtime(const char *value, struct fs_write_options *o, struct err *e)
{
    const char *at = value + (*value == '-');
    long long seconds, nanos = 0;

    if (take_number(&at, 10, INT64_MAX / 2, &seconds) < 0)
        return bad("mtime", value, e);
    if (*at == '.') {
        int digits = (int)strspn(++at, "0123456789");

        if (digits == 0 || digits > 9 || take_number(&at, 10, INT64_MAX, &nanos) < 0)
            return bad("mtime", value, e);
        for (; digits < 9; digits++)
            nanos *= 10;
    }
    if (*at)
        return bad("mtime", value, e);
    o->has_mtime = true;
    o->mtime = (struct timespec){*value == '-' ? -seconds : seconds, nanos};
    if (*value == '-' && nanos > 0) /* the fraction of a time counts upwards */
        o->mtime = (struct timespec){-seconds - 1, 1000000000 - nanos};
    return 0;
}

static int set_offset(const char *value, struct fs_write_options *o, struct err *e)
{
    const char *at = value;
    long long offset;

    if (take_number(&at, 10, INT64_MAX, &offset) < 0 || *at)
        return bad("offset", value, e);
    o->has_offset = true;
    o->offset = offset;
    return 0;
}

static const struct {
    const char *name;
    int (*set)(const char *value, struct fs_write_options *o, struct err *e);
} flags[] = {
    {"atomic", set_atomic}, {"special", set_special}, {"fsync", set_fsync},
    {"mode", set_mode},     {"mtime", set_mtime},     {"offset", set_offset},
};

int upload_options_query(const struct http_exchange *x, bool whole, struct intake *in, struct err *e)
{
    struct fs_write_options *o = &in->options;
    bool synced = false;

    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        CLEANUP_FREE char *value = NULL;

        if (files_parameter(x, flags[i].name, &value, e) < 0 || (value && flags[i].set(value, o, e) < 0))
            return -1;
        synced |= value && flags[i].set == set_fsync;
    }
    if (o->has_offset && (o->atomic || !whole))
        return err_set(
            e, STATUS_INVALID_ARGUMENT, 0,
            "parameter offset goes with one file as it is: not with atomic, several parts or compression");
    if (o->atomic && o->special)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "parameter special does not go with atomic");
    if (o->atomic && !synced)
        o->sync = FS_SYNC_FILE; /* a name must not outlive a crash that its contents do not */
    free(TAKE(in->path));
    if (files_parameter(x, "path", &in->path, e) < 0)
        return -1;
    if (in->path && !*in->path) /* as if there were none */
        free(TAKE(in->path));
    return 0;
}

/* --- metadata -------------------------------------------------------------------------------- */

static bool printable(struct bytes s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    return true;
}

static bool named_before(const struct fs_metadata *m, struct bytes name)
{
    for (size_t i = 0; i < m->count; i++)
        if (bytes_are(name, m->list[i].name))
            return true;
    return false;
}

static int add(struct intake *in, struct bytes name, struct bytes value, size_t *total, struct err *e)
{
    struct fs_meta *m = &in->metadata.list[in->metadata.count];

    if (!printable(name) || !printable(value))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                       "invalid metadata: key or value of '%.*s' is not printable ASCII", (int)name.len,
                       name.ptr);
    if (name.len > NAME_MAX_LEN)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "invalid metadata: key '%.*s' is longer than %zu bytes",
                       (int)name.len, name.ptr, NAME_MAX_LEN);
    *total += sizeof FS_METADATA_PREFIX - 1 + name.len + value.len;
    if (*total > METADATA_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "invalid metadata: more than %u bytes in all",
                       METADATA_MAX);
    m->name = arena_string(&in->arena, name);
    m->value = arena_string(&in->arena, value);
    if (!m->name || !m->value)
        return err_nomem(e, "read the metadata");
    in->metadata.count++;
    return 0;
}

int upload_options_metadata(const struct http_exchange *x, struct intake *in, struct err *e)
{
    size_t total = 0;

    in->metadata.list = arena_array(&in->arena, x->request.count + 1, sizeof *in->metadata.list);
    if (!in->metadata.list)
        return err_nomem(e, "read the metadata");
    for (uint32_t i = 0; i < x->request.count; i++) {
        struct bytes name = http_field_name(&x->request, i), value = http_field_value(&x->request, i);

        if (name.len <= FIELD_PREFIX_LEN || memcmp(name.ptr, FIELD_PREFIX, FIELD_PREFIX_LEN) != 0)
            continue;
        name.ptr += FIELD_PREFIX_LEN;
        name.len -= FIELD_PREFIX_LEN;
        if (!named_before(&in->metadata, name) && add(in, name, value, &total, e) < 0)
            return -1;
    }
    in->keep_metadata = in->options.has_offset && in->metadata.count == 0;
    return 0;
}
