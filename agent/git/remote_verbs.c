#include "core/limits.h"
#include "git/plain.h"
#include "git/settings.h"
#include "git/store.h"
#include "git/verbs.h"
#include "guest/git/refname.h"

/* --- Remotes --------------------------------------------------------------------------------- */

struct listing {
    struct git_settings settings;
    const char *name; /* the only one that is asked for; NULL: all */
    Guest__V1__RemotesResponse response;
};

/* "remote.NAME.VARIABLE": its parts. */
static bool is_remote(struct bytes key, struct bytes *name, struct bytes *variable)
{
    static const char section[] = "remote.";
    const char *dot;

    if (key.len < sizeof section || memcmp(key.ptr, section, sizeof section - 1) != 0)
        return false;
    *name = (struct bytes){key.ptr + sizeof section - 1, key.len - (sizeof section - 1)};
    dot = memrchr(name->ptr, '.', name->len);
    if (!dot)
        return false;
    *variable = (struct bytes){dot + 1, name->len - (size_t)(dot + 1 - name->ptr)};
    name->len = (size_t)(dot - name->ptr);
    return true;
}

/* The remote of that name in the answer, which it is put into where it is not there. NULL with *e. */
static Guest__V1__Remote *find(struct listing *s, struct bytes name, struct err *e)
{
    Guest__V1__RemotesResponse *r = &s->response;
    struct git_call *c = s->settings.call;
    char *text = git_call_string(c, name, e);
    Guest__V1__Remote **list, *m;

    for (size_t i = 0; text && i < r->n_remotes; i++)
        if (strcmp(r->remotes[i]->name, text) == 0)
            return r->remotes[i];
    if (r->n_remotes == GIT_REMOTES_MAX) {
        err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "more than %d remotes", GIT_REMOTES_MAX);
        return NULL;
    }
    list = text ? git_plain_room(c, r->remotes, r->n_remotes, sizeof(Guest__V1__Remote *), e) : NULL;
    m = list ? git_call_alloc(c, sizeof *m, e) : NULL;
    if (!m)
        return NULL;
    guest__v1__remote__init(m);
    m->name = text;
    r->remotes = list;
    return r->remotes[r->n_remotes++] = m;
}

/* Of several addresses git fetches from the first. */
static int on_entry(void *arg, const struct git_config_entry *x, struct err *e)
{
    struct listing *s = arg;
    struct bytes name, variable;
    Guest__V1__Remote *m;
    char **url;

    if (!is_remote(x->key, &name, &variable) || (s->name && !bytes_are(name, s->name)))
        return 0;
    m = find(s, name, e);
    if (!m)
        return -1;
    if (bytes_are(variable, "url"))
        url = &m->fetch_url;
    else if (bytes_are(variable, "pushurl"))
        url = &m->push_url;
    else
        return 0;
    if (**url)
        return 0;
    *url = git_call_string(s->settings.call, x->value, e);
    if (!*url)
        return -1;
    (*url)[git_url_hide(*url, strlen(*url))] = 0;
    return 0;
}

static int list(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__RemotesRequest *m = (const Guest__V1__RemotesRequest *)message;
    struct listing *s;

    if (git_settings_list(c, sizeof *s, GIT_SCOPE_LOCAL, on_entry, e) < 0)
        return -1;
    s = c->state;
    guest__v1__remotes_response__init(&s->response);
    s->name = *m->name ? arena_string(&c->arena, bytes_of(m->name)) : NULL;
    return !*m->name || s->name ? 0 : err_nomem(e, "run git");
}

static int listed(struct git_call *c, struct err *e)
{
    struct listing *s = c->state;

    if (git_settings_listed(c, e) < 0)
        return -1;
    if (s->name && s->response.n_remotes == 0) {
        c->reason = GIT_UNKNOWN_REF;
        return err_set(e, STATUS_NOT_FOUND, 0, "remote '%s': there is none", s->name);
    }
    for (size_t i = 0; i < s->response.n_remotes; i++)
        if (!*s->response.remotes[i]->push_url)
            s->response.remotes[i]->push_url = s->response.remotes[i]->fetch_url;
    git_call_reply(c, &s->response.base);
    return 0;
}

const struct git_verb git_verb_remotes = {.name = "Remotes",
                                          .kind = RPC_UNARY,
                                          .input = &guest__v1__remotes_request__descriptor,
                                          .output = &guest__v1__remotes_response__descriptor,
                                          .access = GIT_READS,
                                          .any_code = true,
                                          .ask = list,
                                          .ended = listed,
                                          .clear = git_settings_clear};

/* --- AddRemote and SetRemote ----------------------------------------------------------------- */

/* What runs, in this order; REPLACE and FORGET_PUSH only where one was there. */
enum step { ADD, CHECK, REPLACE, FORGET_PUSH, FETCH, STORE };

struct remote {
    enum step step;
    const char *name;
    const char *url;  /* as it came */
    const char *text; /* without credentials: for git */
    bool overwrite, fetch;
};

/* Reads name and URL. Credentials in it are refused unless they are to be stored. */
static int take(struct git_call *c, const char *name, const char *url, struct err *e)
{
    struct remote *x = c->state = git_call_alloc(c, sizeof *x, e);
    struct git_url u;
    bool refused;

    if (!x)
        return -1;
    if (!git_refname_is_valid(bytes_of(name)))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "name '%s': not a name that git takes", name);
    c->reason = GIT_BAD_URL;
    if (git_url_parse(bytes_of(url), &u, e) < 0)
        return -1;
    refused = git_store_check(c, &u, e) < 0;
    x->name = arena_string(&c->arena, bytes_of(name));
    x->url = arena_string(&c->arena, bytes_of(url));
    x->text = arena_string(&c->arena, bytes_of(u.text));
    git_url_clear(&u);
    if (refused) {
        c->reason = GIT_UNSPECIFIED;
        return -1;
    }
    if (!x->name || !x->url || !x->text)
        return err_nomem(e, "run git");
    if (!c->store && strcmp(x->url, x->text) != 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "url: it holds credentials, which no remote keeps");
    c->reason = GIT_UNSPECIFIED;
    return 0;
}

/* The value of one of its variables is the command's next argument. */
static int put_key(struct git_call *c, const char *variable, struct err *e)
{
    const struct remote *x = c->state;
    char *key = git_call_alloc(c, sizeof "remote.." + strlen(x->name) + strlen(variable), e);

    if (!key)
        return -1;
    stpcpy(stpcpy(stpcpy(stpcpy(key, "remote."), x->name), "."), variable);
    return git_call_arg(c, key, e);
}

static int begin(struct git_call *c, enum step step, const char *words, struct err *e)
{
    struct remote *x = c->state;

    x->step = step;
    git_call_again(c);
    return git_plain_words(c, words, e);
}

static int replace(struct git_call *c, struct err *e)
{
    const struct remote *x = c->state;

    if (begin(c, REPLACE, "config --local --replace-all", e) < 0 || put_key(c, "url", e) < 0)
        return -1;
    return git_call_arg(c, x->text, e);
}

static int forget_push(struct git_call *c, struct err *e)
{
    return begin(c, FORGET_PUSH, "config --local --unset-all", e) < 0 ? -1 : put_key(c, "pushurl", e);
}

/* The runs that need credentials, when the remote is there: from then on they are lent. */
static int use(struct git_call *c, struct err *e)
{
    struct remote *x = c->state;
    int ret;

    if ((x->fetch || c->store) && x->step < FETCH && !git_call_aim(c, x->url, e))
        return -1;
    if (x->fetch && x->step < FETCH)
        return begin(c, FETCH, "fetch --quiet --", e) < 0 ? -1 : git_call_arg(c, x->name, e);
    x->step = STORE;
    ret = git_store_next(c, e);
    return ret <= 0 ? ret : git_plain_done(c, e);
}

/* 5: git config had nothing to unset. */
static int put(struct git_call *c, struct err *e)
{
    const struct remote *x = c->state;
    int code = c->op->run.end.code;

    if (x->step == STORE)
        return use(c, e);
    if (!(x->step == FORGET_PUSH && code == 5) && git_call_judge(c, e) < 0) {
        if (x->step != ADD || c->reason != GIT_ALREADY_EXISTS || !x->overwrite)
            return -1;
        c->reason = GIT_UNSPECIFIED;
        return replace(c, e);
    }
    switch (x->step) {
    case CHECK:
        return replace(c, e);
    case REPLACE:
        return x->overwrite ? forget_push(c, e) : git_plain_done(c, e);
    default:
        return use(c, e);
    }
}

static int add(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__AddRemoteRequest *m = (const Guest__V1__AddRemoteRequest *)message;
    struct remote *x;

    if (take(c, m->name, m->url, e) < 0)
        return -1;
    x = c->state;
    x->overwrite = m->overwrite;
    x->fetch = m->fetch;
    if (git_plain_words(c, "remote add --", e) < 0 || git_call_arg(c, x->name, e) < 0)
        return -1;
    return git_call_arg(c, x->text, e);
}

const struct git_verb git_verb_add_remote = {.name = "AddRemote",
                                             .kind = RPC_UNARY,
                                             .input = &guest__v1__add_remote_request__descriptor,
                                             .output = &guest__v1__add_remote_response__descriptor,
                                             .access = GIT_WRITES,
                                             .any_code = true,
                                             .ask = add,
                                             .ended = put};

static int set(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__SetRemoteRequest *m = (const Guest__V1__SetRemoteRequest *)message;
    struct remote *x;

    if (take(c, m->name, m->url, e) < 0)
        return -1;
    x = c->state;
    x->step = CHECK;
    if (git_plain_words(c, "remote get-url --", e) < 0)
        return -1;
    return git_call_arg(c, x->name, e);
}

const struct git_verb git_verb_set_remote = {.name = "SetRemote",
                                             .kind = RPC_UNARY,
                                             .input = &guest__v1__set_remote_request__descriptor,
                                             .output = &guest__v1__set_remote_response__descriptor,
                                             .access = GIT_WRITES,
                                             .any_code = true,
                                             .ask = set,
                                             .ended = put};

/* --- RemoveRemote ---------------------------------------------------------------------------- */

/* Before 2.35 git takes no "--" here; no name begins with a dash. */
static int delete (struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__RemoveRemoteRequest *m = (const Guest__V1__RemoveRemoteRequest *)message;

    return git_plain_words(c, "remote remove", e) < 0 ? -1 : git_plain_name(c, m->name, "name", e);
}

const struct git_verb git_verb_remove_remote = {.name = "RemoveRemote",
                                                .kind = RPC_UNARY,
                                                .input = &guest__v1__remove_remote_request__descriptor,
                                                .output = &guest__v1__remove_remote_response__descriptor,
                                                .access = GIT_WRITES,
                                                .ask = delete,
                                                .ended = git_plain_done};
