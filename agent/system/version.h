/* The version that is told to hosts of the product we stand in for. Hosts turn features on by it, so it is
 * computed from what is answered: the highest version of which nothing is missing. */
#ifndef SYSTEM_VERSION_H
#define SYSTEM_VERSION_H

#include <stdio.h>

#include "http/http.h"
#include "system/system.h"

/* The text is valid for the life of the process. All routes must be registered. */
const char *version_told(const struct http *http, enum compat compat);

/* What this agent can do beyond its protocol's first version, as GetInfo tells hosts; *count is their number. */
const char *const *version_features(size_t *count);

/* What --version prints: the build, and the features. */
void version_print(FILE *out);

#endif
