#include "core/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <linux/close_range.h>

#include "core/limits.h"

/* One by one, as /proc lists them; without it all numbers that there can be. */
static void each_cloexec_from(int first)
{
    DIR *d = opendir("/proc/self/fd");
    struct rlimit most = {0};

    for (struct dirent *e; d && (e = readdir(d));) {
        int fd = (int)strtol(e->d_name, NULL, 10); /* "." and "..": 0 */

        if (fd >= first)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    if (d) {
        closedir(d);
        return;
    }
    getrlimit(RLIMIT_NOFILE, &most);
    for (int fd = first; fd < (int)MIN(most.rlim_cur, (rlim_t)FDS_MAX); fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void fd_cloexec_from(int first)
{
    if (close_range((unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) < 0) /* Linux before 5.11 */
        each_cloexec_from(first);
}

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

int fd_write_file(int dir, const char *path, const char *text)
{
    CLEANUP_FD int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
    size_t n = strlen(text);

    return fd >= 0 && RETRY_EINTR(write(fd, text, n)) == (ssize_t)n ? 0 : -1;
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
