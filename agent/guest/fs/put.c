#include "guest/fs/put.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/dirs.h"
#include "core/fd.h"
#include "guest/fs/status.h"
#include "guest/fs/temp.h"

static int write_in_place(const char *path, const char *text, size_t len, struct err *e)
{
    CLEANUP_FD int fd = RETRY_EINTR(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC));

    if (fd < 0 || fd_write_all(fd, text, len) < 0)
        return err_set(e, fs_status(errno), errno, "write %s", path);
    return 0;
}

int fs_put(const char *path, const char *text, size_t len, mode_t mode, struct err *e)
{
    struct fs_temp temp;
    int ret;

    (void)dirs_make_above(path); /* one that is missing is missed below */
    if (fs_temp_open(&temp, path, mode, e) < 0)
        return -1;
    if (fchmod(temp.fd, mode) < 0 || fd_write_all(temp.fd, text, len) < 0)
        ret = err_set(e, fs_status(errno), errno, "write %s", path);
    else
        ret = fs_temp_publish(&temp, path, e);
    fs_temp_discard(&temp);
    if (ret < 0 && e->errnum == EBUSY) /* rename(2): it is a mount */
        return write_in_place(path, text, len, e);
    return ret;
}
