#include "guest/fs/fsfreeze.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include <linux/fs.h>

#include "core/fd.h"

/* `already` is the errno that says that there is nothing to do. */
static int change(const char *path, unsigned long request, int already, const char *what, struct err *e)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || (ioctl(fd, request, 0) < 0 && errno != already))
        return err_set(e, STATUS_INTERNAL, errno, "%s the file system of '%s'", what, path);
    return 0;
}

int fs_freeze(const char *path, struct err *e)
{
    return change(path, FIFREEZE, EBUSY, "freeze", e);
}

int fs_thaw(const char *path, struct err *e)
{
    return change(path, FITHAW, EINVAL, "thaw", e);
}
