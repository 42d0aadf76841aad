#include "guest/exec/spec.h"

#include <sys/resource.h>

#include "core/fd.h"

static const char *const limit_names[] = {
    [RLIMIT_CPU] = "cpu",           [RLIMIT_FSIZE] = "fsize",
    [RLIMIT_DATA] = "data",         [RLIMIT_STACK] = "stack",
    [RLIMIT_CORE] = "core",         [RLIMIT_RSS] = "rss",
    [RLIMIT_NPROC] = "nproc",       [RLIMIT_NOFILE] = "nofile",
    [RLIMIT_MEMLOCK] = "memlock",   [RLIMIT_AS] = "as",
    [RLIMIT_LOCKS] = "locks",       [RLIMIT_SIGPENDING] = "sigpending",
    [RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
    [RLIMIT_RTPRIO] = "rtprio",     [RLIMIT_RTTIME] = "rttime",
};

int exec_limit_from_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(limit_names); i++)
        if (strcmp(limit_names[i], name) == 0)
            return (int)i;
    return -1;
}

const char *exec_limit_name(int resource)
{
    return limit_names[resource];
}

/* Appends a string to the text part of the copy. */
static const char *put(char **at, const char *s)
{
    size_t n;
    char *to = *at;

    if (!s)
        return NULL;
    n = strlen(s) + 1;
    memcpy(to, s, n);
    *at += n;
    return to;
}

static size_t len(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

struct exec_spec *exec_spec_copy(const struct exec_spec *view)
{
    size_t text = len(view->cmd) + len(view->cwd) + len(view->tag) + len(view->user) + len(view->key) +
                  len(view->hidden);
    size_t tables = (view->arg_count + view->group_count) * sizeof(char *) +
                    view->var_count * sizeof(struct exec_var) + view->limit_count * sizeof(struct exec_limit);
    struct exec_spec *s;
    struct exec_limit *limits;
    struct exec_var *vars;
    const char **args, **groups;
    char *at;

    for (size_t i = 0; i < view->arg_count; i++)
        text += len(view->args[i]);
    for (size_t i = 0; i < view->group_count; i++)
        text += len(view->groups[i]);
    for (size_t i = 0; i < view->var_count; i++)
        text += len(view->vars[i].name) + len(view->vars[i].value);
    s = malloc(sizeof *s + tables + text);
    if (!s)
        return NULL;
    *s = *view;
    limits = (struct exec_limit *)(s + 1);
    vars = (struct exec_var *)(limits + view->limit_count);
    args = (const char **)(vars + view->var_count);
    groups = args + view->arg_count;
    at = (char *)(groups + view->group_count);
    s->limits = limits;
    s->vars = vars;
    s->args = args;
    s->groups = groups;
    s->cmd = put(&at, view->cmd);
    s->cwd = put(&at, view->cwd);
    s->tag = put(&at, view->tag);
    s->user = put(&at, view->user);
    s->key = put(&at, view->key);
    s->hidden = put(&at, view->hidden);
    for (size_t i = 0; i < view->limit_count; i++)
        limits[i] = view->limits[i];
    for (size_t i = 0; i < view->group_count; i++)
        groups[i] = put(&at, view->groups[i]);
    for (size_t i = 0; i < view->arg_count; i++)
        args[i] = put(&at, view->args[i]);
    for (size_t i = 0; i < view->var_count; i++)
        vars[i] = (struct exec_var){put(&at, view->vars[i].name), put(&at, view->vars[i].value)};
    return s;
}

void exec_spec_close(struct exec_spec *spec)
{
    while (spec->fd_count > 0)
        fd_close(&spec->fds[--spec->fd_count]);
}

void exec_spec_free(struct exec_spec *spec)
{
    if (spec)
        exec_spec_close(spec);
    free(spec);
}
