/* Where a call works: the path that a client wrote, the repository there, and the git that is to be run. Found in a worker, with
 * the file system rights of the user. */
#ifndef GUEST_GIT_PLACE_H
#define GUEST_GIT_PLACE_H

#include "guest/fs/caller.h"
#include "guest/git/queue.h"

enum git_access {
    GIT_READS,  /* it waits for nobody */
    GIT_WRITES, /* one after the other */
    GIT_MAKES,  /* the same, and the path need not be there */
};

/* What tells one git from another. */
struct git_program {
    char *path; /* absolute; owned */
    struct users_stamp stamp;
};

struct git_place {
    char *path;    /* absolute; of what is there the real one; owned */
    char *git_dir; /* real; NULL: there is no repository (that git would see, too); owned */
    struct git_key key;
    const char *
        operation; /* under way there: "merge", "rebase", "am", "cherry-pick", "revert", "bisect"; "": none */
    struct git_program program;
    uid_t uid; /* of the user */
    gid_t gid;
    bool existed;          /* before the call */
    bool was_empty;        /* it is a directory, and was empty */
    struct timespec since; /* wall clock, before it looked */
};

/* In a worker: fills *p for `path` as the caller c wrote it. Returns 0, or -1 with *e: unauthenticated, invalid_argument,
 * not_found (no such path), permission_denied, failed_precondition (there is no git). */
MUST_CHECK int git_place_find(struct git_place *p, const struct fs_caller *c, const char *path,
                              enum git_access access, struct err *e);

/* Frees what it holds; it may be used again. */
void git_place_clear(struct git_place *p);

#endif
