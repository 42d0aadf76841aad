#include "init/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/dirs.h"
#include "core/fd.h"
#include "core/limits.h"

char *file_read(const char *path, struct err *e)
{
    CLEANUP_FREE char *text = malloc(ETC_FILE_MAX + 1);
    ssize_t n;

    if (!text) {
        err_nomem(e, path);
        return NULL;
    }
    n = fd_read_file(AT_FDCWD, path, text, ETC_FILE_MAX + 1);
    if (n < 0) {
        err_set(e, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_INTERNAL, errno, "read %s", path);
        return NULL;
    }
    if ((size_t)n == ETC_FILE_MAX) {
        err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%s is too long", path);
        return NULL;
    }
    return TAKE(text);
}

/* By a rename. Returns 0, or -1 with errno. */
static int write_new(const char *path, const char *text, unsigned mode)
{
    char temp[PATH_MAX];
    CLEANUP_FD int fd = -1;

    if (snprintf(temp, sizeof temp, "%s.guestd", path) >= (int)sizeof temp) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return -1;
    if (fd_write_all(fd, text, strlen(text)) < 0 || rename(temp, path) < 0) {
        int errnum = errno;

        unlink(temp);
        errno = errnum;
        return -1;
    }
    return 0;
}

/* Into the file that is there. */
static int write_in_place(const char *path, const char *text)
{
    CLEANUP_FD int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);

    return fd >= 0 ? fd_write_all(fd, text, strlen(text)) : -1;
}

/* Where the file really is: what a link names, in `out` of PATH_MAX bytes. A link to a link is not followed any further. */
static const char *target_of(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    char link[PATH_MAX];
    ssize_t n = readlink(path, link, sizeof link - 1);

    if (n <= 0)
        return path;
    link[n] = 0;
    n = *link == '/'
            ? snprintf(out, PATH_MAX, "%s", link)
            : snprintf(out, PATH_MAX, "%.*s/%s", slash ? (int)(slash - path) : 1, slash ? path : ".", link);
    return n < PATH_MAX ? out : path;
}

int file_write(const char *path, const char *text, unsigned mode, struct err *e)
{
    char buffer[PATH_MAX];
    const char *target = target_of(path, buffer);
    int errnum;

    if (target != path)
        (void)dirs_make_above(target); /* what is missing shows when the file is opened */
    if (write_new(target, text, mode) == 0)
        return 0;
    errnum = errno;
    if (write_in_place(target, text) == 0)
        return 0;
    return err_set(e, STATUS_INTERNAL, errnum == EBUSY ? errno : errnum, "write %s", path);
}
