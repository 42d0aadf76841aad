/* Randomness at the boot. When the kernel has enough of its own nothing is done. Otherwise it gets bytes of /dev/hwrng, and of the seed
 * file that an earlier boot of this machine left: that file is gone before its bytes count, and a new one takes its place, so
 * that none counts twice. Bytes that anybody could know are never counted.
 *
 * Sources: random(4), getrandom(2), Documentation/admin-guide/hw_random.rst. */
#ifndef INIT_ENTROPY_H
#define INIT_ENTROPY_H

#include "core/err.h"

/* What was done. */
struct entropy_report {
    unsigned hwrng_bytes, seed_bytes; /* that were counted */
};

/* Feeds the kernel if it is hungry; seed_file: NULL, there is none. Returns 0 with *report, or -1 with *e: something of it could not
 * be done, and the kernel may still have nothing. */
MUST_CHECK int entropy_feed(const char *seed_file, struct entropy_report *report, struct err *e);

#endif
