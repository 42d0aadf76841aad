#include "files/files.h"

#include <errno.h>

#include "files/compose_rest.h"
#include "files/download_rest.h"
#include "files/files_service.h"
#include "files/filesystem_service.h"
#include "files/upload_rest.h"

int files_init(struct files *f, struct rpc *rpc, struct settings *settings, struct jobs *workers,
               bool as_user)
{
    *f = (struct files){.settings = settings, .http = rpc->http, .rpc = rpc, .as_user = as_user};
    fs_workers_init(&f->workers, rpc->loop, workers);
    STAILQ_INIT(&f->orphans);
    watch_service_init(&f->watch, f);
    if (filesystem_service_init(f) < 0 || files_service_init(f) < 0 || download_rest_register(f) < 0 ||
        upload_register(f) < 0)
        return -1;
    return compose_register(f);
}

void files_refuse(struct http_exchange *x, const struct err *e)
{
    int status = e->errnum == ENOSPC || e->errnum == EDQUOT ? 507
                 : e->status == STATUS_OUT_OF_RANGE         ? 413
                                                            : http_status_of(e->status);

    http_error(x, status, "%s", e->text);
}

char *files_path_text(const char *text, const ProtobufCBinaryData *bytes, struct err *e)
{
    struct bytes path =
        bytes && bytes->len > 0 ? (struct bytes){(const char *)bytes->data, bytes->len} : bytes_of(text);
    char *copy = NULL;

    if (memchr(path.ptr, 0, path.len))
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "a path with a NUL");
    else if (!(copy = strndup(path.ptr, path.len)))
        err_nomem(e, "read a path");
    return copy;
}

void files_orphan(struct files *f, struct job *j)
{
    struct err ignored;

    if (fs_submit_again(&f->workers, j, j->lane, &ignored) < 0)
        STAILQ_INSERT_TAIL(&f->orphans, j, link);
}

void files_retry_orphans(struct files *f)
{
    struct job *j = STAILQ_FIRST(&f->orphans);
    struct err ignored;

    if (!j)
        return;
    STAILQ_REMOVE_HEAD(&f->orphans, link);
    if (fs_submit_again(&f->workers, j, j->lane, &ignored) < 0)
        STAILQ_INSERT_HEAD(&f->orphans, j, link);
}

int files_parameter(const struct http_exchange *x, const char *name, char **out, struct err *e)
{
    bool present;

    errno = 0;
    *out = http_query(x, name, &present);
    if (*out || !present)
        return 0;
    return errno == ENOMEM ? err_nomem(e, "read the query")
                           : err_set(e, STATUS_INVALID_ARGUMENT, 0, "invalid value for parameter %s", name);
}

struct user *files_user(const struct fs_caller *c, struct err *e)
{
    const char *name = c->name ? c->name : c->env->default_user;
    struct user *u = fs_caller_user(c, e);

    if (!u && e->status == STATUS_UNAUTHENTICATED)
        err_set(e, STATUS_UNAUTHENTICATED, 0, "error looking up user '%s': user: unknown user %s", name,
                name);
    return u;
}
