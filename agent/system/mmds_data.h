/* What a Firecracker host tells its guest by the metadata service (MMDS): whose sandbox it is. The names are E2B's; Wrenn uses
 * the same. */
#ifndef SYSTEM_MMDS_DATA_H
#define SYSTEM_MMDS_DATA_H

#include "core/err.h"
#include "core/limits.h"

struct mmds_data {
    char instance_id[MMDS_WORD_MAX]; /* the sandbox; empty: the host has not told it yet */
    char template_id[MMDS_WORD_MAX]; /* or empty */
    char logs_url[MMDS_WORD_MAX];    /* of the logs' collector, or empty */
    char token_hash
        [MMDS_WORD_MAX]; /* of the token that /init may set: SHA-512 in lower-case hexadecimal, or empty */
};

/* Parses the service's answer: an object whose members are strings of printable ASCII where we read them; others are ignored.
 * Returns 0, or -1 with *e, and *m empty. */
MUST_CHECK int mmds_data_parse(struct bytes json, struct mmds_data *m, struct err *e);

/* Whether the host allows /init to set that token, or with NULL to clear the one that is set. In a time that tells nothing. */
bool mmds_data_allows(const struct mmds_data *m, const char *token);

#endif
