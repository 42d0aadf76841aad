/* guest.v1.Files: what guestd can do with files beyond filesystem.Filesystem. */
#ifndef FILES_FILES_SERVICE_H
#define FILES_FILES_SERVICE_H

#include "files/files.h"

/* Registers the service. Returns 0, or -1 when out of memory. */
MUST_CHECK int files_service_init(struct files *f);

#endif
