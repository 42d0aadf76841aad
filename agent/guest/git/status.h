/* The output of `git status --porcelain=v2 -z --branch`, read as it comes.
 * Source: git-status(1), "Porcelain Format Version 2" and "Pathname Format Notes and -z". */
#ifndef GUEST_GIT_STATUS_H
#define GUEST_GIT_STATUS_H

#include "guest/git/records.h"

/* One "#" line: "branch.oid", "branch.head", "branch.upstream", "branch.ab" and what else git may add. */
struct git_status_header {
    struct bytes name, value;
};

/* One path. What git does not say of its kind is zero. */
struct git_status_entry {
    enum git_status_kind {
        GIT_STATUS_CHANGED,
        GIT_STATUS_UNMERGED,
        GIT_STATUS_UNTRACKED,
        GIT_STATUS_IGNORED
    } kind;
    char staged, unstaged; /* git's letters: '.', 'M', 'T', 'A', 'D', 'R', 'C', 'U' */
    bool submodule, new_commits, modified, untracked;
    uint32_t head_mode, index_mode, worktree_mode;
    uint32_t score; /* percent */
    struct bytes path, original_path;
};

/* What is found; the bytes are valid during the callback. Each returns 0, or -1 with *e. */
struct git_status_events {
    int (*header)(void *arg, const struct git_status_header *h, struct err *e);
    int (*entry)(void *arg, const struct git_status_entry *x, struct err *e);
};

struct git_status {
    struct git_records records;
    const struct git_status_events *events;
    void *arg;
    bool renamed; /* the last record was a rename's first half, which `pending` keeps */
    char *pending;
    size_t pending_len;
};

/* A reader that tells `events`. */
void git_status_init(struct git_status *s, const struct git_status_events *events, void *arg);

/* Reads on. Returns 0, or -1 with *e: internal (git does not write so), resource_exhausted, or what an event returned. */
MUST_CHECK int git_status_feed(struct git_status *s, struct bytes data, struct err *e);

/* At the output's end: -1 with *e when it ends inside a record. */
MUST_CHECK int git_status_end(struct git_status *s, struct err *e);

void git_status_clear(struct git_status *s);

#endif
