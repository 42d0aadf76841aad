#include "init/filesystem.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "core/dirs.h"
#include "init/devices.h"
#include "init/modules.h"

int filesystem_mkdirs(const char *path, struct err *e)
{
    return dirs_make(path) < 0 ? err_set(e, STATUS_FAILED_PRECONDITION, errno, "mkdir '%s'", path) : 0;
}

/* One mount(2); once more when the kernel did not know the type and there is a module of that name. Returns 0, or -1 with
 * errno. */
static int mount_type(const char *source, const char *target, const char *type, const struct mount_options *o)
{
    int result = mount(source, target, type, o->flags, o->data);
    int why = errno;

    if (result == 0 || why != ENODEV || !type)
        return result;
    if (modules_load_one(type, "", NULL) < 0) {
        errno = why;
        return -1;
    }
    return mount(source, target, type, o->flags, o->data);
}

/* The type that a line of /proc/filesystems names, if it lies on a device; else NULL. */
static char *device_type_of(char *line)
{
    line[strcspn(line, "\n")] = 0;
    return *line == '\t' ? line + 1 : NULL; /* else "nodev" stands before the tab */
}

/* Tries the types that the kernel knows and that lie on a device. Returns 0, or -1 with errno. */
static int mount_any(const char *source, const char *target, const struct mount_options *o)
{
    FILE *f = fopen("/proc/filesystems", "re");
    char line[128], *type;
    int result = -1, why = f ? ENODEV : errno;

    while (result < 0 && f && fgets(line, sizeof line, f)) {
        type = device_type_of(line);
        result = type ? mount(source, target, type, o->flags | MS_SILENT, o->data) : -1;
        why = type ? errno : why;
        if (type && result < 0 && why != EINVAL && why != ENODEV)
            break; /* it is of that type, or nothing will do */
    }
    if (f)
        fclose(f);
    errno = why;
    return result;
}

/* What mount(8) does in further calls: the kernel ignores other flags beside MS_BIND, and takes a propagation alone. */
static int after_mount(const char *target, const struct mount_options *o)
{
    unsigned long flags = o->flags & ~(unsigned long)(MS_BIND | MS_REC | MS_REMOUNT | MS_SILENT);

    if ((o->flags & MS_BIND) && !(o->flags & MS_REMOUNT) && flags &&
        mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
        return -1;
    return o->propagation ? mount(NULL, target, NULL, o->propagation, NULL) : 0;
}

int filesystem_mount(const char *source, const char *target, const char *type, const struct mount_options *o,
                     struct err *e)
{
    bool automatic = (!type || strcmp(type, "auto") == 0) && !(o->flags & (MS_BIND | MS_REMOUNT));
    const char *found = automatic ? device_type(source) : type;
    int result = found || !automatic ? mount_type(source, target, found, o) : mount_any(source, target, o);

    if (result < 0)
        return err_set(e, STATUS_FAILED_PRECONDITION, errno, "mount %s on '%s' as %s", source, target,
                       found ? found : "any type");
    if (after_mount(target, o) < 0)
        return err_set(e, STATUS_FAILED_PRECONDITION, errno, "mount %s on '%s' with its flags", source,
                       target);
    return 0;
}
