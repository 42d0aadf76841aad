#include "guest/fs/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"

int fs_pipe_open(struct fs_pipe *p)
{
    int fds[2];

    *p = FS_PIPE_NONE;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    p->out = fds[0];
    p->in = fds[1];
    if (fcntl(p->in, F_SETPIPE_SZ, DOWNLOAD_PIPE) < 0) {
        fs_pipe_close(p);
        return -1;
    }
    return 0;
}

void fs_pipe_close(struct fs_pipe *p)
{
    fd_close(&p->in);
    fd_close(&p->out);
    p->bytes = 0;
}

int fs_pipe_fill(struct fs_pipe *p, const struct fs_reader *r, uint64_t offset, size_t n)
{
    while (p->bytes < n) {
        off_t at = (off_t)(offset + p->bytes);
        ssize_t got =
            RETRY_EINTR(splice(r->fd, &at, p->in, NULL, n - p->bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));

        if (got < 0 && p->bytes == 0)
            return -1;
        if (got <=
            0) /* full: an odd offset takes one page more; and an error comes again with the next block */
            break;
        p->bytes += (size_t)got;
    }
    return 0;
}
