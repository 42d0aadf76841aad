/* A directory's entries, a page at a time: memory for one page, whatever the directory holds. In a worker. */
#ifndef GUEST_FS_PAGE_H
#define GUEST_FS_PAGE_H

#include "core/err.h"

#define FS_PLACE_MAX 32 /* a place's text with its NUL */

/* Where a page begins, as text that means something to fs_page only: the kernel's own position in the directory (d_off of
 * getdents64(2)), which stays good when the directory is opened again. */
struct fs_place {
    char text[FS_PLACE_MAX]; /* "": the beginning, or for the next page: there is none */
};

struct fs_page {
    const char *path;      /* absolute; a link is followed */
    struct fs_place place; /* in: where it begins; out: where the next page does */
    uint32_t limit;        /* entries, at least 1 */
    /* Called with each entry: the open directory and a name in it. Returns 1 to go on; 0: that was enough for this page; -1 with
     * *e. */
    int (*found)(void *arg, int dir, const char *name, struct err *e);
    void *arg;
};

/* Returns 0, or -1 with *e: not_found, failed_precondition (no directory), invalid_argument (no place), else
 * fs_status_strict. */
MUST_CHECK int fs_page(struct fs_page *p, struct err *e);

#endif
