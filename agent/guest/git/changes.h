/* The output of `git diff --raw --numstat -z`, read as it comes: first what happened to each file, then how many lines of it changed.
 * Source: git-diff(1), "RAW OUTPUT FORMAT" and "OTHER DIFF FORMATS". */
#ifndef GUEST_GIT_CHANGES_H
#define GUEST_GIT_CHANGES_H

#include "guest/git/records.h"

/* What is found; the bytes are valid during the callback. Each returns 0, or -1 with *e. */
struct git_changes_events {
    /* A file: git's letter ('A', 'C', 'D', 'M', 'R', 'T', 'U'), and of a rename or copy where it was. */
    int (*file)(void *arg, char letter, bool same_mode, struct bytes path, struct bytes original,
                struct err *e);
    /* Its lines, after all files, in the same order; a file may have none. */
    int (*lines)(void *arg, struct bytes path, uint64_t added, uint64_t deleted, bool binary, struct err *e);
};

struct git_changes {
    struct git_records records;
    const struct git_changes_events *events;
    void *arg;
    enum { GIT_CHANGES_START, GIT_CHANGES_PATH, GIT_CHANGES_ORIGINAL } state;
    bool counts; /* the record that began is of lines */
    char letter;
    bool same_mode, binary;
    uint64_t added, deleted;
    char *original; /* of a rename, until its path comes; owned */
    size_t original_len;
};

/* A reader that tells `events`. */
void git_changes_init(struct git_changes *x, const struct git_changes_events *events, void *arg);

/* Reads on. Returns 0, or -1 with *e: internal (git does not write so), resource_exhausted, or what an event returned. */
MUST_CHECK int git_changes_feed(struct git_changes *x, struct bytes data, struct err *e);

/* At the output's end: -1 with *e when it ends inside a file. */
MUST_CHECK int git_changes_end(const struct git_changes *x, struct err *e);

void git_changes_clear(struct git_changes *x);

#endif
