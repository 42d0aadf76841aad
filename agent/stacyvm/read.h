/* read_file: a file of any size in one frame, in pieces as the connection takes them. The frame's length is said first, so the file is
 * sent as long as it was when it was opened: what is added meanwhile is left out, and when there is less the connection ends.
 *
 * States of a call: OPENING (a worker) -> SENDING: what is in memory is read on the loop's thread, a worker reads what is not -> gone.
 * Who owns: the connection; a worker while `busy`, and then the job's end frees it when the connection has gone. */
#ifndef STACYVM_READ_H
#define STACYVM_READ_H

#include "stacyvm/internal.h"

/* Appends n bytes in base64 to the chain, from the pool or, where that is exhausted, the heap. Only the last n of a text is no multiple
 * of 3. Returns 0, or -1: no memory. */
MUST_CHECK int read_put_base64(struct chain *out, struct seg_pool *pool, const uint8_t *data, size_t n);

#endif
