/* POST /files/compose: one file out of several that were uploaded. {"source_paths":["..."],"destination":"...","username":"..."} is
 * answered with {"path":"...","name":"...","type":"file"}. */
#ifndef FILES_COMPOSE_REST_H
#define FILES_COMPOSE_REST_H

#include "files/files.h"

/* Adds the route. Returns 0, or -1 when out of memory. */
MUST_CHECK int compose_register(struct files *f);

#endif
