#include "guest/exec/spec.h"

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
    size_t text = len(view->cmd) + len(view->cwd) + len(view->tag) + len(view->user);
    size_t tables = view->arg_count * sizeof(char *) + view->var_count * sizeof(struct exec_var);
    struct exec_spec *s;
    struct exec_var *vars;
    const char **args;
    char *at;

    for (size_t i = 0; i < view->arg_count; i++)
        text += len(view->args[i]);
    for (size_t i = 0; i < view->var_count; i++)
        text += len(view->vars[i].name) + len(view->vars[i].value);
    s = malloc(sizeof *s + tables + text);
    if (!s)
        return NULL;
    *s = *view;
    vars = (struct exec_var *)(s + 1);
    args = (const char **)(vars + view->var_count);
    at = (char *)(args + view->arg_count);
    s->vars = vars;
    s->args = args;
    s->cmd = put(&at, view->cmd);
    s->cwd = put(&at, view->cwd);
    s->tag = put(&at, view->tag);
    s->user = put(&at, view->user);
    for (size_t i = 0; i < view->arg_count; i++)
        args[i] = put(&at, view->args[i]);
    for (size_t i = 0; i < view->var_count; i++)
        vars[i] = (struct exec_var){put(&at, view->vars[i].name), put(&at, view->vars[i].value)};
    return s;
}
