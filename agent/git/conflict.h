/* The paths of a conflict: when git fails for one, the index is asked which they are before the call ends, as what git says of them
 * is not fit to be read. */
#ifndef GIT_CONFLICT_H
#define GIT_CONFLICT_H

#include "git/call.h"
#include "guest/git/records.h"

struct git_conflict {
    struct git_sink out;
    struct git_records records;
    struct git_call *call;
    ProtobufCBinaryData *paths; /* relative to the repository's root; at most GIT_ENTRIES_MAX */
    size_t count;
    bool truncated;   /* there are more */
    struct err error; /* that the call ends with */
};

/* When a call is about to end with *error: prepares another run, which asks; then c->conflict is set, and the call ends with that
 * error and what git_call_keep has kept of the run that failed. False: there is nothing to ask. */
bool git_conflict_ask(struct git_call *c, const struct err *error);

/* Frees what lies outside the arena; c->conflict may be NULL. */
void git_conflict_clear(struct git_call *c);

#endif
