/* What became of references: the lines in which git fetch and git push say it, and the difference of two listings.
 * Source: git-fetch(1) and git-push(1), "OUTPUT". */
#ifndef GUEST_GIT_UPDATES_H
#define GUEST_GIT_UPDATES_H

#include "core/limits.h"
#include "guest/git/records.h"

/* With the numbers of guest.v1.RefUpdate.Kind, which says what they mean. */
enum git_update_kind {
    GIT_UPDATE_UNSPECIFIED,
    GIT_UPDATE_FAST_FORWARD,
    GIT_UPDATE_FORCED,
    GIT_UPDATE_NEW,
    GIT_UPDATE_DELETED,
    GIT_UPDATE_UP_TO_DATE,
    GIT_UPDATE_REJECTED,
    GIT_UPDATE_TAG
};

/* One line; its parts are parts of the text. */
struct git_update {
    enum git_update_kind kind;
    struct bytes from; /* push: what was pushed, as it was named; empty: nothing, `to` is deleted */
    struct bytes to;   /* push: the remote's full name; fetch: ours without refs/heads/ and its like */
    struct bytes old_id, new_id; /* push, where git says them: whole when core.abbrev says so; else empty */
    struct bytes reason;         /* rejected: why; else empty */
};

/* A line of `git push --porcelain`. False: it is about something else. */
bool git_update_pushed(struct bytes line, struct git_update *out);

/* A line of `git fetch` with fetch.output=full. False: it is about something else. */
bool git_update_fetched(struct bytes line, struct git_update *out);

/* The object id that the line is; empty: it is none. */
struct bytes git_update_id(struct bytes line);

/* Cuts what git says to a person into lines, which a line feed or a carriage return ends. What is longer than any line about a
 * reference is left out. */
struct git_lines {
    /* A line without its end, valid during the call. Returns 0, or -1 with *e. */
    int (*line)(struct git_lines *l, struct bytes line, struct err *e);
    size_t len; /* beyond the text: it is too long */
    char text[GIT_LINE_MAX];
};

/* Reads on. Returns 0, or -1 with *e as the line. */
MUST_CHECK int git_lines_feed(struct git_lines *l, struct bytes data, struct err *e);

/* How `git for-each-ref` is to list: an empty line for what only names another reference. */
#define GIT_REFS_FORMAT "--format=%(if)%(symref)%(then)%(else)%(objectname) %(refname)%(end)"

/* Two listings in that format, which are sorted by name: read, git_refs_turn, read, git_refs_end. */
struct git_refs {
    struct git_records records;
    /* A reference, an id empty where it is not in that listing. Bytes are valid during the call. Returns 0, or -1 with *e. */
    int (*found)(struct git_refs *r, struct bytes name, struct bytes old_id, struct bytes new_id,
                 struct err *e);
    bool second;
    char *first; /* the first listing; owned */
    size_t len, cap, at;
};

void git_refs_init(struct git_refs *r, int (*found)(struct git_refs *r, struct bytes name,
                                                    struct bytes old_id, struct bytes new_id, struct err *e));

/* Reads on. Returns 0, or -1 with *e: internal (no such listing), resource_exhausted (the first is longer than GIT_ANSWER_BYTES, or
 * there is no memory), or what `found` returned. */
MUST_CHECK int git_refs_feed(struct git_refs *r, struct bytes data, struct err *e);

/* The first listing is complete: what comes is the second. -1 with *e: it ends inside a line. */
MUST_CHECK int git_refs_turn(struct git_refs *r, struct err *e);

/* Both are complete: the rest is found. */
MUST_CHECK int git_refs_end(struct git_refs *r, struct err *e);

void git_refs_clear(struct git_refs *r);

#endif
