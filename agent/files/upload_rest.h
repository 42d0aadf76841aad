/* POST /files: what clients send becomes files. See docs/protocol.md, "Uploads".
 *
 * An upload is two objects. Its exchange has a struct upload, the loop's: bytes that came and no worker has yet. Its work is a
 * job with the bytes that a worker has, and with the files that it writes; it holds a ticket for the first, and outlives it
 * until what it has opened is closed.
 *
 * States of the work: idle -> running (a block of bytes, or the last) -> idle ... -> answered, or, when the client is gone, a
 * last run that closes -> freed. */
#ifndef FILES_UPLOAD_REST_H
#define FILES_UPLOAD_REST_H

#include "files/files.h"

/* Adds the route. Returns 0, or -1 when out of memory. */
MUST_CHECK int upload_register(struct files *f);

#endif
