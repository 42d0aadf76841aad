#include "git/identity.h"

#include <stdio.h>

#define TIME_MAX 253402300799 /* the end of the year 9999, as in timestamp.proto */

/* git drops these around a name, and refuses one that has nothing else; within it "<", ">" and line feeds are dropped, too. */
static bool is_crud(char c)
{
    return (unsigned char)c <= ' ' || strchr(".,:;<>\"\\'", c);
}

static bool is_clean(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f || *text == '<' || *text == '>')
            return false;
    return true;
}

static bool is_only_crud(const char *text)
{
    const char *at = text;

    while (*at && is_crud(*at))
        at++;
    return *text && !*at;
}

int git_identity_check(const Guest__V1__Identity *m, const char *what, struct err *e)
{
    if (!is_clean(m->name) || is_only_crud(m->name))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%s: git takes no name '%s'", what, m->name);
    if (!is_clean(m->email) || is_only_crud(m->email))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%s: git takes no address '%s'", what, m->email);
    return 0;
}

int git_identity_time(const Google__Protobuf__Timestamp *t, char out[GIT_IDENTITY_TIME], struct err *e)
{
    if (t->seconds < 0 || t->seconds > TIME_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "time %lld: before 1970, or after the year 9999",
                       (long long)t->seconds);
    snprintf(out, GIT_IDENTITY_TIME, "@%lld +0000", (long long)t->seconds);
    return 0;
}

int git_identity_put(struct git_call *c, const Guest__V1__Identity *m, const char *const names[3],
                     const char *what, struct err *e)
{
    char time[GIT_IDENTITY_TIME] = "";
    const char *values[3];
    struct exec_var *vars;

    if (!m)
        return 0;
    if (git_identity_check(m, what, e) < 0 || (m->time && git_identity_time(m->time, time, e) < 0))
        return -1;
    values[0] = m->name;
    values[1] = m->email;
    values[2] = time;
    vars = git_call_alloc(c, (c->command.var_count + 3) * sizeof *vars, e);
    if (!vars)
        return -1;
    if (c->command.var_count > 0)
        memcpy(vars, c->command.vars, c->command.var_count * sizeof *vars);
    c->command.vars = vars;
    for (unsigned i = 0; i < 3; i++) {
        struct exec_var v = {names[i], arena_string(&c->arena, bytes_of(values[i]))};

        if (!v.value)
            return err_nomem(e, "run git");
        if (*v.value)
            vars[c->command.var_count++] = v;
    }
    return 0;
}
