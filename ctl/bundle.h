/* A tar.gz that is written file by file: POSIX ustar (pax(1)), gzip by zlib. */
#ifndef CTL_BUNDLE_H
#define CTL_BUNDLE_H

#include <zlib.h>

#include "core/err.h"

/* Bytes of one file; a longer one is refused. */
#define BUNDLE_FILE_MAX ((size_t)4 << 20)

struct bundle {
    gzFile out;
    const char *directory; /* in which all files are; the caller's */
    int64_t time_s;        /* of them, seconds since the epoch */
};

/* Begins one on the descriptor, which it takes over. Returns 0, or -1 with *e. bundle_close is due after 0 only. */
int bundle_open(struct bundle *b, int fd, const char *directory, int64_t time_s, struct err *e);

/* Adds a file, mode 0600 and root's. Returns 0, or -1 with *e: resource_exhausted (it is longer than BUNDLE_FILE_MAX; others may
 * follow), invalid_argument (directory and name have more than 100 bytes), or what the disk says. */
int bundle_add(struct bundle *b, const char *name, struct bytes content, struct err *e);

/* Writes the end, and closes the descriptor. Returns 0, or -1 with *e. */
int bundle_close(struct bundle *b, struct err *e);

#endif
