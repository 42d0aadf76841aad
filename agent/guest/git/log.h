/* The output of `git log -z` with the format of this file, read as it comes: each field of a commit is a record.
 * Source: git-log(1), "PRETTY FORMATS". */
#ifndef GUEST_GIT_LOG_H
#define GUEST_GIT_LOG_H

#include "guest/git/records.h"

/* In the order in which they come. Times are seconds since 1970; refs are as git_log_ref reads them. */
enum git_log_field {
    GIT_LOG_COMMIT,
    GIT_LOG_PARENTS, /* a space between two */
    GIT_LOG_TREE,
    GIT_LOG_AUTHOR,
    GIT_LOG_AUTHOR_EMAIL,
    GIT_LOG_AUTHOR_TIME,
    GIT_LOG_COMMITTER,
    GIT_LOG_COMMITTER_EMAIL,
    GIT_LOG_COMMITTER_TIME,
    GIT_LOG_REFS,
    GIT_LOG_SUBJECT,
    GIT_LOG_BODY,
    GIT_LOG_FIELDS
};

/* An argument of git's, with "--decorate=full" and "-z". */
extern const char git_log_format[];

struct git_log {
    struct git_records records;
    /* A field, without its rest when it is `cut` (GIT_MESSAGE_MAX). Returns 0, or -1 with *e. */
    int (*field)(void *arg, enum git_log_field f, struct bytes value, bool cut, struct err *e);
    void *arg;
    enum git_log_field next;
};

/* A reader that tells `field`. */
void git_log_init(struct git_log *l,
                  int (*field)(void *, enum git_log_field, struct bytes, bool, struct err *), void *arg);

/* Reads on. Returns 0, or -1 with *e: internal (git does not write so), resource_exhausted, or what `field` returned. */
MUST_CHECK int git_log_feed(struct git_log *l, struct bytes data, struct err *e);

/* At the output's end: -1 with *e when it ends inside a commit. */
MUST_CHECK int git_log_end(const struct git_log *l, struct err *e);

void git_log_clear(struct git_log *l);

/* The next short name of a branch or tag, cut off the front of *refs; empty: there is none. What is no ref ("HEAD", "grafted") is
 * passed over. */
struct bytes git_log_ref(struct bytes *refs);

#endif
