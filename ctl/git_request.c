#include "core/limits.h"
#include "ctl/git.h"
#include "ctl/git_fields.h"

/* --- options --------------------------------------------------------------------------------- */

/* "NAME=VALUE" for the environment of git. */
static int add_variable(struct git_request *r, const char *text, struct err *e)
{
    Guest__V1__GitOptions *o = git_fields_message(&r->arena, r->m, "options", e);
    const char *equals = strchr(text, '=');
    Guest__V1__GitOptions__EnvEntry *x, **all;

    if (!o)
        return -1;
    if (!equals)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "--env: '%s' is not of the form NAME=VALUE", text);
    x = (Guest__V1__GitOptions__EnvEntry *)git_fields_new(&r->arena,
                                                          &guest__v1__git_options__env_entry__descriptor, e);
    all = arena_array(&r->arena, o->n_env + 1, sizeof(*all));
    if (!x || !all)
        return err_nomem(e, "make a request");
    if (o->n_env > 0)
        memcpy(all, o->env, o->n_env * sizeof *all);
    x->key = arena_string(&r->arena, (struct bytes){text, (size_t)(equals - text)});
    x->value = (char *)(uintptr_t)(equals + 1);
    all[o->n_env++] = x;
    o->env = all;
    return x->key ? 0 : err_nomem(e, "make a request");
}

static int allow_hooks(struct git_request *r, struct err *e)
{
    Guest__V1__GitOptions *o = git_fields_message(&r->arena, r->m, "options", e);

    if (o)
        o->allow_hooks = true;
    return o ? 0 : -1;
}

/* A limit of a list that comes in pages is one of all of them. */
static int take_field(struct git_request *r, const struct options *o, const char *value, struct err *e)
{
    if (strcmp(o->found->name, "limit") == 0 && git_fields_string(r->m, "page"))
        return options_number(o, value, 1, UINT32_MAX, &r->limit, e);
    return git_fields_set(&r->arena, r->m, o->found->name, value, e);
}

static int take_option(struct git_request *r, const struct options *o, int id, const char *value,
                       struct err *e)
{
    switch (id) {
    case GIT_FIELD:
        return take_field(r, o, value, e);
    case GIT_DIRECTORY:
        return git_fields_set(&r->arena, r->m, "path", value, e);
    case GIT_USER:
        r->options.authorization = r->authorization;
        return client_name_user(value, r->authorization, e);
    case GIT_TIMEOUT:
        return ctl_duration(value, &r->options.timeout_ms, e);
    case GIT_ENV:
        return add_variable(r, value, e);
    case GIT_HOOKS:
        return allow_hooks(r, e);
    case GIT_PROGRESS:
        r->progress = true;
        return 0;
    case GIT_INPUT:
        r->input = true;
        return 0;
    case GIT_CREDENTIALS:
        r->secrets.from = value;
        return 0;
    case GIT_BEARER:
        r->secrets.bearer = value;
        return 0;
    case GIT_SSH_KEY:
        r->secrets.ssh_key = value;
        return 0;
    case GIT_KNOWN_HOSTS:
        r->secrets.known_hosts = value;
        return 0;
    case GIT_NEW_HOST:
        r->secrets.accept_new_host = true;
        return 0;
    default:
        r->secrets.store = true;
        return 0;
    }
}

/* --- operands -------------------------------------------------------------------------------- */

/* Each operand goes into the next field; a list is the last, and takes the others. */
static int take_operands(struct git_request *r, int count, char **operands, struct err *e)
{
    int field = 0;

    for (int i = 0; i < count; i++) {
        const char *name = r->row->operands[field];

        if (git_fields_set(&r->arena, r->m, name, operands[i], e) < 0)
            return -1;
        field += !git_fields_is_list(r->m, name);
    }
    return 0;
}

int git_request_parse(struct git_request *r, int argc, char **argv)
{
    const struct verb *v = &r->row->verb;
    struct options o = ctl_options(v, argc, argv);
    const char *value;
    struct err e;
    int id, count;

    r->arena = (struct arena){.max = (size_t)2 * MESSAGE_MAX, .secret = true};
    r->m = git_fields_new(&r->arena, r->row->input, &e);
    if (!r->m)
        return ctl_fail(CTL_FAILED, &e);
    while ((id = options_next(&o, &value, &e)) > 0)
        if (take_option(r, &o, id, value, &e) < 0)
            return ctl_fail(CTL_USAGE, &e);
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e);
    count = argc - o.at;
    if (count < r->row->least)
        return ctl_usage(v, CTL_USAGE, "an operand is missing");
    if (r->row->most >= 0 && count > r->row->most)
        return ctl_usage(v, CTL_USAGE, "too many operands");
    return take_operands(r, count, argv + o.at, &e) < 0 ? ctl_fail(CTL_USAGE, &e) : 0;
}

void git_request_clear(struct git_request *r)
{
    arena_clear(&r->arena);
}
