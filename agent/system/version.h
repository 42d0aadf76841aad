/* The version that is told to hosts of the product we stand in for. Hosts turn features on by it, so it is
 * computed from what is answered: the highest version of which nothing is missing. */
#ifndef SYSTEM_VERSION_H
#define SYSTEM_VERSION_H

#include "http/http.h"
#include "system/system.h"

/* The text is valid for the life of the process. All routes must be registered. */
const char *version_told(const struct http *http, enum compat compat);

/* guestd's own version and the commit it was built from (empty: unknown). */
const char *version_own(void);
const char *version_commit(void);

#endif
