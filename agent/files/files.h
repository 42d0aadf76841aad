/* Files of the guest, as clients see them: filesystem.Filesystem, guest.v1.Files, and /files. */
#ifndef FILES_FILES_H
#define FILES_FILES_H

#include "files/watch_service.h"
#include "guest/fs/workers.h"
#include "guest/settings.h"
#include "rpc/rpc.h"

struct files {
    struct settings *settings;
    struct fs_workers workers;
    struct http *http;
    struct rpc *rpc;
    bool as_user;                       /* --files-as user */
    struct rpc_service filesystem, own; /* filesystem.Filesystem, guest.v1.Files */
    struct watch_service watch;
    struct tickets waiting;  /* calls and exchanges that wait for a worker */
    unsigned pipes;          /* downloads that have some */
    unsigned uploads;        /* under way, with those whose client is gone */
    struct job_list orphans; /* of those, what waits for room in the workers' queue */
};

/* Answers a request of /files... with the error: its status as for calls, but 507 where there is no space (ENOSPC, EDQUOT) and 413
 * where a limit is exceeded (out_of_range). */
void files_refuse(struct http_exchange *x, const struct err *e);

/* The parameter's value (http_query) on the heap, NULL without it. Returns 0, or -1 with *e: invalid_argument, resource_exhausted. */
MUST_CHECK int files_parameter(const struct http_exchange *x, const char *name, char **out, struct err *e);

/* In a worker: fs_caller_user, which says in the words of /files that there is none. */
struct user *files_user(const struct fs_caller *c, struct err *e);

/* Registers the services and routes; what is passed must outlive it. Returns 0, or -1 when out of memory. */
MUST_CHECK int files_init(struct files *f, struct rpc *rpc, struct settings *settings, struct jobs *workers,
                          bool as_user);

#endif
