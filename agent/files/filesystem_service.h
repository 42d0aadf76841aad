/* filesystem.Filesystem: what envd's clients ask of files. */
#ifndef FILES_FILESYSTEM_SERVICE_H
#define FILES_FILESYSTEM_SERVICE_H

#include "files/files.h"

/* Registers the service. Returns 0, or -1 when out of memory. */
MUST_CHECK int filesystem_service_init(struct files *f);

#endif
