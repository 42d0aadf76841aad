/* A block of a file in a pipe. What lies there are the kernel's own pages, which the disk has already filled: a socket takes them by
 * splice(2) without a copy and without waiting for anything but its peer.
 *
 * Who fills it may block, who empties it does not: the two never happen to one pipe at the same time, for the kernel fills it under
 * the pipe's lock. */
#ifndef GUEST_FS_PIPE_H
#define GUEST_FS_PIPE_H

#include "guest/fs/reader.h"

struct fs_pipe {
    int in, out; /* its ends; non-blocking; -1: none */
    size_t bytes;
};

/* None. */
#define FS_PIPE_NONE ((struct fs_pipe){.in = -1, .out = -1})

/* A pipe for DOWNLOAD_PIPE bytes. Returns 0, or -1 with errno: EMFILE, or EPERM where the user may have no more pages in pipes. */
MUST_CHECK int fs_pipe_open(struct fs_pipe *p);

/* Closes it if there is one. */
void fs_pipe_close(struct fs_pipe *p);

/* In a worker: puts at most n bytes of a SIZED reader, from the offset on, into the empty pipe; less at the file's end, and where the
 * pipe is full. p->bytes says how many. Returns 0, or -1 with errno: EINVAL where the file system cannot do that. */
MUST_CHECK int fs_pipe_fill(struct fs_pipe *p, const struct fs_reader *r, uint64_t offset, size_t n);

#endif
