#include "git/store.h"

#include "git/plain.h"

int git_store_check(const struct git_call *c, const struct git_url *u, struct err *e)
{
    enum git_credentials_kind kind = c->credentials.kind;
    bool own = u && (u->username || u->password);

    if (!c->store)
        return 0;
    if (kind != GIT_CREDENTIALS_BASIC && !(kind == GIT_CREDENTIALS_NONE && own))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                       "store_credentials: only a user name and a password are stored");
    if (u && !u->origin)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "store_credentials: of an http or https URL only");
    return 0;
}

static int add(struct git_call *c, const char *name, const char *value, size_t len)
{
    return chain_copy(&c->input, name, strlen(name)) | chain_copy(&c->input, value, len) |
           chain_copy(&c->input, "\n", 1);
}

/* What git credential-store reads: lines on its standard input, and nothing of it in its arguments. */
static int put(struct git_call *c, struct err *e)
{
    const struct git_credentials *k = &c->credentials;
    const char *host = strstr(k->origin, "://");
    int ret;

    git_call_again(c);
    ret = add(c, "protocol=", k->origin, (size_t)(host - k->origin)) |
          add(c, "host=", host + 3, strlen(host + 3)) |
          add(c, "username=", k->username, strlen(k->username)) |
          add(c, "password=", k->secret, strlen(k->secret));
    chain_wipe_later(&c->input);
    if (ret < 0)
        return err_nomem(e, "store credentials");
    c->command.input = true;
    return git_plain_words(c, "credential-store store", e);
}

static int begin(struct git_call *c, const char *words, struct err *e)
{
    git_call_again(c);
    return git_plain_words(c, words, e);
}

/* The configuration is asked before it is written, as git does not wait for its lock: many calls may be at it at once. */
int git_store_next(struct git_call *c, struct err *e)
{
    if (!c->store)
        return 1;
    switch (c->stored++) {
    case 0:
        return put(c, e);
    case 1:
        if (git_call_judge(c, e) < 0)
            return -1;
        return begin(c, "config --global --get credential.helper ^store$", e);
    case 2: /* his git has it already */
        return c->op->run.end.code == 0 ? 1 : begin(c, "config --global --add credential.helper store", e);
    default:
        return git_call_judge(c, e) < 0 ? -1 : 1;
    }
}
