#include "git/settings.h"

#include "git/plain.h"

/* --- commands -------------------------------------------------------------------------------- */

const char *git_settings_command(enum git_scope scope)
{
    static const char *const commands[] = {[GIT_SCOPE_ANY] = "config",
                                           [GIT_SCOPE_LOCAL] = "config --local",
                                           [GIT_SCOPE_GLOBAL] = "config --global",
                                           [GIT_SCOPE_SYSTEM] = "config --system"};

    return commands[scope];
}

int git_settings_scope(Guest__V1__ConfigScope scope, enum git_scope unspecified, enum git_scope *out,
                       struct err *e)
{
    switch (scope) {
    case GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_UNSPECIFIED:
        *out = unspecified;
        return 0;
    case GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_LOCAL:
        *out = GIT_SCOPE_LOCAL;
        return 0;
    case GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_GLOBAL:
        *out = GIT_SCOPE_GLOBAL;
        return 0;
    case GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_SYSTEM:
        *out = GIT_SCOPE_SYSTEM;
        return 0;
    default:
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "scope %d: there is none", (int)scope);
    }
}

int git_settings_place(struct git_call *c, enum git_scope scope, const char *path, struct err *e)
{
    if (scope == GIT_SCOPE_GLOBAL || scope == GIT_SCOPE_SYSTEM)
        c->path = "~";
    else if (scope == GIT_SCOPE_LOCAL && !*path)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "path: empty, and the scope is a repository's");
    return 0;
}

int git_settings_key(struct git_call *c, const char *key, struct err *e)
{
    if (!git_config_is_key(bytes_of(key)))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "key '%s': not 'section.name'", key);
    return git_call_text(c, "", key, "key", e);
}

/* A repository that is there, and that git does not see, is somebody else's. */
int git_settings_judge(struct git_call *c, struct err *e)
{
    if (git_call_judge(c, e) == 0)
        return 0;
    if (c->reason == GIT_NOT_A_REPOSITORY && c->op->place.git_dir) {
        c->reason = GIT_DUBIOUS_OWNERSHIP;
        err_set(e, git_errors_status(c->reason), 0,
                "repository '%s': another user's, and not what the call names", c->op->place.git_dir);
    }
    return -1;
}

int git_settings_done(struct git_call *c, struct err *e)
{
    return git_settings_judge(c, e) < 0 ? -1 : git_plain_done(c, e);
}

/* --- the list -------------------------------------------------------------------------------- */

static int feed(struct git_sink *s, struct bytes data, struct err *e)
{
    return git_config_feed(&CONTAINER_OF(s, struct git_settings, out)->reader, data, e);
}

int git_settings_list(struct git_call *c, size_t size, enum git_scope scope,
                      int (*entry)(void *arg, const struct git_config_entry *x, struct err *e), struct err *e)
{
    struct git_settings *s = c->state = git_call_alloc(c, size, e);

    if (!s)
        return -1;
    s->out.feed = feed;
    s->call = c;
    git_config_init(&s->reader, entry, s);
    c->out = &s->out;
    return git_plain_words(c, git_settings_command(scope), e) < 0
               ? -1
               : git_plain_words(c, "--list --show-scope -z", e);
}

/* Whether git said that. */
static bool said(const struct git_call *c, const char *words)
{
    struct bytes text = git_tail_text(&c->op->run.said);

    return memmem(text.ptr, text.len, words, strlen(words));
}

int git_settings_listed(struct git_call *c, struct err *e)
{
    bool no_file = said(c, "unable to read config file") && said(c, "No such file"); /* the scope is empty */

    if (!no_file && git_settings_judge(c, e) < 0)
        return -1;
    return git_config_end(&((struct git_settings *)c->state)->reader, e);
}

void git_settings_clear(struct git_call *c)
{
    git_config_clear(&((struct git_settings *)c->state)->reader);
}
