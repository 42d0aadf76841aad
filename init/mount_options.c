#include "init/mount_options.h"

#include <sys/mount.h>

/* Which flags a word sets and clears. */
static const struct {
    const char *name;
    unsigned long set, clear;
} flags[] = {
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV, 0},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
    {"noatime", MS_NOATIME, MS_RELATIME | MS_STRICTATIME},
    {"atime", 0, MS_NOATIME},
    {"nodiratime", MS_NODIRATIME, 0},
    {"diratime", 0, MS_NODIRATIME},
    {"relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME},
    {"norelatime", 0, MS_RELATIME},
    {"strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME},
    {"nostrictatime", 0, MS_STRICTATIME},
    {"lazytime", MS_LAZYTIME, 0},
    {"nolazytime", 0, MS_LAZYTIME},
    {"nosymfollow", MS_NOSYMFOLLOW, 0},
    {"symfollow", 0, MS_NOSYMFOLLOW},
    {"silent", MS_SILENT, 0},
    {"loud", 0, MS_SILENT},
    {"iversion", MS_I_VERSION, 0},
    {"noiversion", 0, MS_I_VERSION},
    {"mand", MS_MANDLOCK, 0},
    {"nomand", 0, MS_MANDLOCK},
    {"remount", MS_REMOUNT, 0},
    {"bind", MS_BIND, 0},
    {"rbind", MS_BIND | MS_REC, 0},
};

static const struct {
    const char *name;
    unsigned long flags;
} propagations[] = {
    {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
    {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};

static const char *const passed_over[] = {"defaults", "auto",  "noauto", "user",   "nouser",
                                          "users",    "owner", "group",  "_netdev"};

/* Whether it is a word of the tables; then its flags are taken. */
static bool take_known(struct bytes word, struct mount_options *o)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (!bytes_are(word, flags[i].name))
            continue;
        o->flags = (o->flags & ~flags[i].clear) | flags[i].set;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(propagations); i++) {
        if (!bytes_are(word, propagations[i].name))
            continue;
        o->propagation = propagations[i].flags;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(passed_over); i++)
        if (bytes_are(word, passed_over[i]))
            return true;
    if (bytes_are(word, "nofail"))
        return o->nofail = true;
    return word.len == 0 || (word.len > 2 && memcmp(word.ptr, "x-", 2) == 0);
}

int mount_options_parse(const char *text, struct mount_options *o, struct err *e)
{
    size_t used = strlen(o->data);

    for (const char *p = text; p && *p; p += *p == ',') {
        struct bytes word = {p, 0};

        for (bool quoted = false; *p && (quoted || *p != ','); p++)
            quoted ^= *p == '"';
        word.len = (size_t)(p - word.ptr);
        if (take_known(word, o))
            continue;
        if (used + (used > 0) + word.len >= sizeof o->data)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "options are longer than %d bytes",
                           MOUNT_DATA_MAX - 1);
        if (used > 0)
            o->data[used++] = ',';
        memcpy(o->data + used, word.ptr, word.len);
        used += word.len;
        o->data[used] = 0;
    }
    return 0;
}
