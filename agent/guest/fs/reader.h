/* A file that is read from its beginning to its end, or in parts, by who must not be blocked by it: opened and read in a worker,
 * and read on the loop's thread where the kernel has the bytes in memory. */
#ifndef GUEST_FS_READER_H
#define GUEST_FS_READER_H

#include <sys/uio.h>

#include "core/err.h"

enum fs_reader_kind {
    FS_READER_SIZED,  /* a regular file with a true size: offsets count */
    FS_READER_TO_END, /* a regular file without one (of /proc or /sys, or empty as far as one knows): its end is where reading ends */
    FS_READER_WAITS,  /* a FIFO or a device: read in order, and poll(2) says when */
};

struct fs_reader {
    int fd; /* non-blocking; owned by whoever has the struct; -1: none */
    enum fs_reader_kind kind;
    bool fifo;
    bool
        invented; /* its file system makes it when it is read: neither size nor times say whether it is another */
    bool in_memory; /* its file system has no disk behind it (tmpfs) */
    uint64_t size;  /* SIZED: bytes when it was opened */
    /* What changes when the file does. */
    uint64_t inode;
    int64_t modified_s;
    uint64_t modified_ns, changed_ns; /* since 1970 */
};

enum { FS_READER_AGAIN = -2 };

/* --- in a worker ----------------------------------------------------------------------------- */

/* Opens the path for reading. Links are followed. What is no regular file is opened with `special` only: to open a device or a
 * FIFO is felt on its other side. Returns 0, or -1 with *e: not_found ("path '...' does not exist"), invalid_argument (a directory;
 * something that is no regular file), permission_denied, resource_exhausted (descriptors, memory), else internal. */
MUST_CHECK int fs_reader_open(const char *path, bool special, struct fs_reader *out, struct err *e);

/* Reads as much as there is room for, from the offset on where the kind is SIZED, else on from the last read. Less only at the end
 * of the file, or where a WAITS has no more now. Returns bytes, 0 at the end, FS_READER_AGAIN (nothing yet), or -1 with errno. */
ssize_t fs_reader_read(const struct fs_reader *r, struct iovec *iov, int count, uint64_t offset);

/* --- on the loop's thread -------------------------------------------------------------------- */

/* The same of a SIZED without waiting for a disk: what is in the page cache. FS_READER_AGAIN where nothing is, or the file system
 * cannot tell (*never: it never will). */
ssize_t fs_reader_try(const struct fs_reader *r, const struct iovec *iov, int count, uint64_t offset,
                      bool *never);

#endif
