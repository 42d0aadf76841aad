#include "core/fd.h"

#include <fcntl.h>

ssize_t fd_read_file(int dir, const char *path, char *out, size_t size)
{
    CLEANUP_FD int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd;
    size_t n = 0;

    while (got >= 0 && n < size - 1 && (got = RETRY_EINTR(read(fd, out + n, size - 1 - n))) > 0)
        n += (size_t)got;
    out[n] = 0;
    return got < 0 ? -1 : (ssize_t)n;
}

int fd_write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = RETRY_EINTR(write(fd, data, len));

        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}
