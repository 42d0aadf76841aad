/* Files of the guest, as clients see them: filesystem.Filesystem, guest.v1.Files, and /files. */
#ifndef FILES_FILES_H
#define FILES_FILES_H

#include "core/jobs.h"
#include "guest/settings.h"
#include "rpc/rpc.h"

struct files {
    struct settings *settings;
    struct jobs *workers;
    struct http *http;
    struct rpc *rpc;
    bool as_user;                       /* --files-as user */
    struct rpc_service filesystem, own; /* filesystem.Filesystem, guest.v1.Files */
    struct tickets waiting;             /* calls and exchanges that wait for a worker */
};

/* Registers the services and routes; what is passed must outlive it. Returns 0, or -1 when out of memory. */
MUST_CHECK int files_init(struct files *f, struct rpc *rpc, struct settings *settings, struct jobs *workers,
                          bool as_user);

#endif
