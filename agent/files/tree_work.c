#include "files/tree_work.h"

#include "core/limits.h"

int tree_work_init(struct tree_work *w, struct rpc_call *call, const char *path,
                   const ProtobufCBinaryData *bytes, struct err *e)
{
    struct files *f = rpc_context(call);

    *w = (struct tree_work){.files = f};
    if (f->trees == TREES_MAX)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "more than %u trees at once", TREES_MAX);
    w->path = files_path_text(path, bytes, e);
    if (!w->path)
        return -1;
    if (fs_caller_init(&w->caller, rpc_user(call), f->settings->env, f->as_user) == 0) {
        f->trees++;
        return 0;
    }
    free(TAKE(w->path));
    return err_nomem(e, "ask a worker");
}

void tree_work_clear(struct tree_work *w)
{
    w->files->trees--;
    fs_caller_clear(&w->caller);
    free(TAKE(w->path));
    free(TAKE(w->user));
}

int tree_work_submit(struct tree_work *w, struct err *e)
{
    return fs_submit(&w->files->workers, &w->job, &w->caller, w->path, e);
}

int tree_work_enter(struct tree_work *w, struct err *e)
{
    if (!w->user)
        w->user = fs_caller_user(&w->caller, e);
    return w->user ? fs_caller_enter(&w->caller, w->user, e) : -1;
}

void tree_work_leave(struct tree_work *w)
{
    fs_caller_leave(&w->caller);
}

char *tree_work_path(const struct tree_work *w, struct err *e)
{
    return fs_caller_path(&w->caller, w->user, w->path, e);
}

void tree_work_fail(struct tree_work *w, enum status status, struct bytes path, const char *text)
{
    w->failed = true;
    err_set(&w->error, status, 0, "'%.*s' in '%s': %s", (int)MIN(path.len, (size_t)ERR_TEXT_MAX), path.ptr,
            w->path, text);
}
