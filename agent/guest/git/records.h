/* Cuts a stream of bytes into records that each end with the same byte, a NUL mostly. What lies in one piece of the stream is
 * handed on where it is; only what a piece's end cuts in two is copied. */
#ifndef GUEST_GIT_RECORDS_H
#define GUEST_GIT_RECORDS_H

#include "core/err.h"

struct git_records {
    char end;
    /* A record without its end, valid during the call. Returns 0, or -1 with *e. */
    int (*record)(struct git_records *r, struct bytes record, struct err *e);
    size_t most; /* longer records lose their rest; 0: they are an error, and GIT_RECORD_MAX is the bound */
    bool cut;    /* for `record`: this one has lost it */
    char *part;  /* of a record that is not complete; owned */
    size_t len, cap;
};

/* Reads on. Returns 0, or -1 with *e: internal (a record that is too long), resource_exhausted, or the record's. */
MUST_CHECK int git_records_feed(struct git_records *r, struct bytes data, struct err *e);

/* At the end: -1 with *e, internal, when a record is not complete. */
MUST_CHECK int git_records_end(const struct git_records *r, struct err *e);

void git_records_clear(struct git_records *r);

#endif
