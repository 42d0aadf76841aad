/* git's progress, as `--progress` has it on standard error: "Receiving objects:  42% (420/1000), 1.20 MiB | 600.00 KiB/s".
 * Source: git's progress.c and sideband.c. */
#ifndef GUEST_GIT_PROGRESS_H
#define GUEST_GIT_PROGRESS_H

#include "core/base.h"

#define GIT_PROGRESS_LINE 512u /* what is longer is cut: a server may say anything */

/* A line. Bytes valid during the callback. */
struct git_progress_line {
    struct bytes phase; /* empty: it is no progress */
    uint64_t done, total, bytes, bytes_per_second;
    struct bytes remote; /* what the server said, where it is no progress; else empty */
};

struct git_progress {
    void (*line)(struct git_progress *p, const struct git_progress_line *line);
    char text[GIT_PROGRESS_LINE];
    size_t len;
};

/* Reads on; each line that says something is told. */
void git_progress_feed(struct git_progress *p, struct bytes data);

#endif
