/* gzip (RFC 1952) of a request's body, unpacked piece by piece: however large it becomes, there is no more of it in memory than
 * its reader has room for. For whole messages with a bound see rpc/gzip.h. Threads: one at a time. */
#ifndef HTTP_GUNZIP_H
#define HTTP_GUNZIP_H

#include "core/err.h"

struct gunzip;

/* NULL when out of memory; about 8 KiB, and 32 KiB more from the first byte on. */
struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip *g);

/* Takes bytes off the front of *in and writes at most `room` bytes to out. Returns how many; 0: all of *in was taken, and more is
 * needed. -1 with *e: invalid_argument (not gzip, or something else behind it), resource_exhausted (out of memory). Members
 * may follow each other. */
MUST_CHECK ptrdiff_t gunzip_next(struct gunzip *g, struct bytes *in, void *out, size_t room, struct err *e);

/* There is no more input. Returns 0 when it ended where a member does, or -1 with *e. */
MUST_CHECK int gunzip_end(const struct gunzip *g, struct err *e);

#endif
