/* File descriptors: closing, taking over, and the one place where EINTR is retried. */
#ifndef CORE_FD_H
#define CORE_FD_H

#include <errno.h>
#include <unistd.h>

#include "core/base.h"

/* The system call's value, called again as long as a signal interrupts it. */
#define RETRY_EINTR(call)                                                                                    \
    __extension__({                                                                                          \
        __typeof__(call) ret_;                                                                               \
        do {                                                                                                 \
            ret_ = (call);                                                                                   \
        } while (ret_ < 0 && errno == EINTR);                                                                \
        ret_;                                                                                                \
    })

/* Closes *fd if it is open and leaves -1 behind; errno stays as it was. Never call it for a descriptor that
 * the event loop watches: loop_close_fd is for those. */
static inline void fd_close(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
    *fd = -1;
}

/* A descriptor that is closed at the end of the scope; take it over with fd_take(). */
#define CLEANUP_FD __attribute__((cleanup(fd_close)))

/* The descriptor, leaving -1 behind: the receiver owns it now. */
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Lets every open descriptor from `first` on close at exec: what a program inherits. Best effort. */
void fd_cloexec_from(int first);

/* Writes all of it to a file. Returns 0, or -1 with errno. */
MUST_CHECK int fd_write_all(int fd, const char *data, size_t len);

/* Writes the text to a file that is there (a path as for openat(2)) by one write(2), as the kernel's own files want it. Returns 0,
 * or -1 with errno. */
MUST_CHECK int fd_write_file(int dir, const char *path, const char *text);

/* Reads a small file (a path as for openat(2)) from its start: at most size - 1 bytes, ended by a NUL. Returns how many, or -1
 * with errno and an empty text or a part. It may block, as any file may. */
ssize_t fd_read_file(int dir, const char *path, char *out, size_t size);

#endif
