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
    unsigned trees;          /* likewise */
    struct job_list orphans; /* of both, what waits for room in the workers' queue */
};

/* Answers a request of /files... with the error: its status as for calls, but 507 where there is no space (ENOSPC, EDQUOT) and 413
 * where a limit is exceeded (out_of_range). */
void files_refuse(struct http_exchange *x, const struct err *e);

/* The parameter's value (http_query) on the heap, NULL without it. Returns 0, or -1 with *e: invalid_argument, resource_exhausted. */
MUST_CHECK int files_parameter(const struct http_exchange *x, const char *name, char **out, struct err *e);

/* The path of a request on the heap: `bytes` where they are not empty (NULL: there are none), else `text`. NULL with *e:
 * invalid_argument for a NUL in it; resource_exhausted. */
char *files_path_text(const char *text, const ProtobufCBinaryData *bytes, struct err *e);

/* A job that had been with the workers goes there once more, though nobody waits for it: to close what only they may close. Where
 * their queue is full it waits until files_retry_orphans, which any job's end on the loop calls. */
void files_orphan(struct files *f, struct job *j);
void files_retry_orphans(struct files *f);

/* In a worker: fs_caller_user, which says in the words of /files that there is none. */
struct user *files_user(const struct fs_caller *c, struct err *e);

/* Registers the services and routes; what is passed must outlive it. Returns 0, or -1 when out of memory. */
MUST_CHECK int files_init(struct files *f, struct rpc *rpc, struct settings *settings, struct jobs *workers,
                          bool as_user);

#endif
