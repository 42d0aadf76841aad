/* The branches that git lists with GIT_BRANCHES_FORMAT, read as they come: a line for each, with a NUL between its fields.
 * Source: git-for-each-ref(1). */
#ifndef GUEST_GIT_BRANCHES_H
#define GUEST_GIT_BRANCHES_H

#include "guest/git/records.h"

/* The subject is the last: it is all that is left of the line. */
#define GIT_BRANCHES_FORMAT                                                                                  \
    "--format=%(refname)%00%(HEAD)%00%(symref)%00%(objectname)%00%(upstream)%00%(upstream:track,nobracket)%" \
    "00"                                                                                                     \
    "%(committerdate:unix)%00%(contents:subject)"

/* One of them; the bytes are valid during the callback. */
struct git_branch {
    struct bytes refname;  /* full */
    struct bytes name;     /* without refs/heads/ or refs/remotes/ */
    bool remote;           /* the latter */
    bool current;          /* HEAD is at it */
    bool symbolic;         /* another name of one, as refs/remotes/origin/HEAD */
    struct bytes commit;   /* in hexadecimal */
    struct bytes upstream; /* short as name is; empty: none is configured */
    bool gone;             /* the upstream is not there */
    uint32_t ahead, behind;
    bool has_time;
    int64_t time; /* of the commit: seconds since the epoch, up to the year 9999 */
    struct bytes subject;
};

struct git_branches {
    struct git_records records;
    /* Returns 0, or -1 with *e. */
    int (*branch)(void *arg, const struct git_branch *b, struct err *e);
    void *arg;
};

/* A reader that tells `branch`. */
void git_branches_init(struct git_branches *r,
                       int (*branch)(void *arg, const struct git_branch *b, struct err *e), void *arg);

/* Reads on. Returns 0, or -1 with *e: internal (git does not write so), resource_exhausted, or what `branch` returned. */
MUST_CHECK int git_branches_feed(struct git_branches *r, struct bytes data, struct err *e);

/* At the output's end: -1 with *e when it ends inside a line. */
MUST_CHECK int git_branches_end(const struct git_branches *r, struct err *e);

void git_branches_clear(struct git_branches *r);

#endif
