/* GET and HEAD /files: a file of the guest, as it is, compressed or in parts. */
#ifndef FILES_DOWNLOAD_REST_H
#define FILES_DOWNLOAD_REST_H

#include "files/files.h"

/* Registers the route. `f` must outlive it. Returns 0, or -1 when out of memory. */
MUST_CHECK int download_rest_register(struct files *f);

#endif
