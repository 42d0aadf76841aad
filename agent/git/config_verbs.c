#include "git/identity.h"
#include "git/plain.h"
#include "git/settings.h"
#include "git/verbs.h"

/* --- GetConfig ------------------------------------------------------------------------------- */

struct getting {
    struct git_settings settings;
    struct bytes key; /* as git lists it */
    Guest__V1__GetConfigResponse response;
};

static int on_value(void *arg, const struct git_config_entry *x, struct err *e)
{
    struct getting *s = arg;
    Guest__V1__GetConfigResponse *r = &s->response;
    ProtobufCBinaryData *values;

    if (!bytes_equal(x->key, s->key))
        return 0;
    values = git_plain_room(s->settings.call, r->values, r->n_values, sizeof *values, e);
    if (!values || git_call_bytes(s->settings.call, x->value, &values[r->n_values], e) < 0)
        return -1;
    r->values = values;
    r->n_values++;
    return 0;
}

static int get(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__GetConfigRequest *m = (const Guest__V1__GetConfigRequest *)message;
    char *key = arena_string(&c->arena, bytes_of(m->key));
    enum git_scope scope;
    struct getting *s;

    if (!key)
        return err_nomem(e, "run git");
    if (!git_config_is_key(bytes_of(key)))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "key '%s': not 'section.name'", key);
    if (git_settings_scope(m->scope, GIT_SCOPE_ANY, &scope, e) < 0 ||
        git_settings_place(c, scope, m->path, e) < 0 ||
        git_settings_list(c, sizeof *s, scope, on_value, e) < 0)
        return -1;
    s = c->state;
    git_config_canonical(key, strlen(key));
    s->key = bytes_of(key);
    guest__v1__get_config_response__init(&s->response);
    return 0;
}

static int got(struct git_call *c, struct err *e)
{
    struct getting *s = c->state;

    if (git_settings_listed(c, e) < 0)
        return -1;
    if (s->response.n_values == 0)
        return err_set(e, STATUS_NOT_FOUND, 0, "key '%s': it has no value", s->key.ptr);
    git_call_reply(c, &s->response.base);
    return 0;
}

const struct git_verb git_verb_get_config = {.name = "GetConfig",
                                             .kind = RPC_UNARY,
                                             .input = &guest__v1__get_config_request__descriptor,
                                             .output = &guest__v1__get_config_response__descriptor,
                                             .access = GIT_READS,
                                             .any_code = true,
                                             .ask = get,
                                             .ended = got,
                                             .clear = git_settings_clear};

/* --- ListConfig ------------------------------------------------------------------------------ */

struct listing {
    struct git_settings settings;
    Guest__V1__ListConfigResponse response;
};

static Guest__V1__ConfigScope scope_of(enum git_scope scope)
{
    static const uint8_t scopes[] = {
        [GIT_SCOPE_ANY] = GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_UNSPECIFIED,
        [GIT_SCOPE_LOCAL] = GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_LOCAL,
        [GIT_SCOPE_GLOBAL] = GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_GLOBAL,
        [GIT_SCOPE_SYSTEM] = GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_SYSTEM,
    };

    return (Guest__V1__ConfigScope)scopes[scope];
}

/* A key may hold an address ("url.https://token@host/.insteadof"): it is told without what is secret in it; a value that holds any
 * is not told at all. */
static int describe(struct git_call *c, const struct git_config_entry *x, Guest__V1__ConfigEntry *m,
                    struct err *e)
{
    guest__v1__config_entry__init(m);
    m->scope = scope_of(x->scope);
    m->key = git_call_string(c, x->key, e);
    if (!m->key || git_call_bytes(c, x->value, &m->value, e) < 0)
        return -1;
    m->key[git_url_hide(m->key, strlen(m->key))] = 0;
    if (git_config_is_secret(x->key) || git_url_hide((char *)m->value.data, m->value.len) < m->value.len)
        m->value.len = 0;
    return 0;
}

static int on_entry(void *arg, const struct git_config_entry *x, struct err *e)
{
    struct listing *s = arg;
    Guest__V1__ListConfigResponse *r = &s->response;
    Guest__V1__ConfigEntry **list, *m;

    list = git_plain_room(s->settings.call, r->entries, r->n_entries, sizeof(Guest__V1__ConfigEntry *), e);
    m = list ? git_call_alloc(s->settings.call, sizeof *m, e) : NULL;
    if (!m || describe(s->settings.call, x, m, e) < 0)
        return -1;
    r->entries = list;
    r->entries[r->n_entries++] = m;
    return 0;
}

static int list(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__ListConfigRequest *m = (const Guest__V1__ListConfigRequest *)message;
    enum git_scope scope;

    if (git_settings_scope(m->scope, GIT_SCOPE_ANY, &scope, e) < 0 ||
        git_settings_place(c, scope, m->path, e) < 0 ||
        git_settings_list(c, sizeof(struct listing), scope, on_entry, e) < 0)
        return -1;
    guest__v1__list_config_response__init(&((struct listing *)c->state)->response);
    return 0;
}

static int listed(struct git_call *c, struct err *e)
{
    if (git_settings_listed(c, e) < 0)
        return -1;
    git_call_reply(c, &((struct listing *)c->state)->response.base);
    return 0;
}

const struct git_verb git_verb_list_config = {.name = "ListConfig",
                                              .kind = RPC_UNARY,
                                              .input = &guest__v1__list_config_request__descriptor,
                                              .output = &guest__v1__list_config_response__descriptor,
                                              .access = GIT_READS,
                                              .any_code = true,
                                              .ask = list,
                                              .ended = listed,
                                              .clear = git_settings_clear};

/* --- SetConfig and UnsetConfig --------------------------------------------------------------- */

/* The words of a command that writes: the scope's, then those. */
static int begin(struct git_call *c, Guest__V1__ConfigScope wanted, const char *path, const char *words,
                 enum git_scope *scope, struct err *e)
{
    if (git_settings_scope(wanted, GIT_SCOPE_LOCAL, scope, e) < 0 ||
        git_settings_place(c, *scope, path, e) < 0)
        return -1;
    return git_plain_words(c, git_settings_command(*scope), e) < 0 ? -1 : git_plain_words(c, words, e);
}

static int put_value(struct git_call *c, const char *value, struct err *e)
{
    const char *copy = arena_string(&c->arena, bytes_of(value));

    return copy ? git_call_arg(c, copy, e) : err_nomem(e, "run git");
}

static int set(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__SetConfigRequest *m = (const Guest__V1__SetConfigRequest *)message;
    enum git_scope scope;

    if (begin(c, m->scope, m->path, m->add ? "--add" : "--replace-all", &scope, e) < 0 ||
        git_settings_key(c, m->key, e) < 0)
        return -1;
    return put_value(c, m->value, e);
}

const struct git_verb git_verb_set_config = {.name = "SetConfig",
                                             .kind = RPC_UNARY,
                                             .input = &guest__v1__set_config_request__descriptor,
                                             .output = &guest__v1__set_config_response__descriptor,
                                             .access = GIT_WRITES,
                                             .any_code = true,
                                             .ask = set,
                                             .ended = git_settings_done};

static int unset(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__UnsetConfigRequest *m = (const Guest__V1__UnsetConfigRequest *)message;
    enum git_scope scope;

    c->state = arena_string(&c->arena, bytes_of(m->key));
    if (!c->state)
        return err_nomem(e, "run git");
    if (begin(c, m->scope, m->path, "--unset-all", &scope, e) < 0)
        return -1;
    return git_settings_key(c, m->key, e);
}

/* Without a word and with 5 git says that there was nothing to unset. */
static int was_unset(struct git_call *c, struct err *e)
{
    if (c->op->run.end.code == 5 && git_tail_text(&c->op->run.said).len == 0)
        return err_set(e, STATUS_NOT_FOUND, 0, "key '%s': it has no value", (const char *)c->state);
    return git_settings_done(c, e);
}

const struct git_verb git_verb_unset_config = {.name = "UnsetConfig",
                                               .kind = RPC_UNARY,
                                               .input = &guest__v1__unset_config_request__descriptor,
                                               .output = &guest__v1__unset_config_response__descriptor,
                                               .access = GIT_WRITES,
                                               .any_code = true,
                                               .ask = unset,
                                               .ended = was_unset};

/* --- ConfigureUser --------------------------------------------------------------------------- */

struct configuring {
    enum git_scope scope;
    char *email; /* still to be set; NULL: it is not */
};

static int put_user(struct git_call *c, enum git_scope scope, const char *key, const char *value,
                    struct err *e)
{
    if (git_plain_words(c, git_settings_command(scope), e) < 0 ||
        git_plain_words(c, "--replace-all", e) < 0 || git_call_arg(c, key, e) < 0)
        return -1;
    return put_value(c, value, e);
}

static int configure(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__ConfigureUserRequest *m = (const Guest__V1__ConfigureUserRequest *)message;
    Guest__V1__Identity identity = GUEST__V1__IDENTITY__INIT;
    struct configuring *u = c->state = git_call_alloc(c, sizeof *u, e);

    identity.name = m->name;
    identity.email = m->email;
    if (!u || git_identity_check(&identity, "user", e) < 0 ||
        git_settings_scope(m->scope, GIT_SCOPE_LOCAL, &u->scope, e) < 0 ||
        git_settings_place(c, u->scope, m->path, e) < 0)
        return -1;
    if (!*m->name && !*m->email)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "name, email: neither is given");
    if (!*m->name)
        return put_user(c, u->scope, "user.email", m->email, e);
    if (*m->email && !(u->email = arena_string(&c->arena, bytes_of(m->email))))
        return err_nomem(e, "run git");
    return put_user(c, u->scope, "user.name", m->name, e);
}

static int configured(struct git_call *c, struct err *e)
{
    struct configuring *u = c->state;

    if (git_settings_judge(c, e) < 0)
        return -1;
    if (!u->email)
        return git_plain_done(c, e);
    git_call_again(c);
    return put_user(c, u->scope, "user.email", TAKE(u->email), e);
}

const struct git_verb git_verb_configure_user = {.name = "ConfigureUser",
                                                 .kind = RPC_UNARY,
                                                 .input = &guest__v1__configure_user_request__descriptor,
                                                 .output = &guest__v1__configure_user_response__descriptor,
                                                 .access = GIT_WRITES,
                                                 .any_code = true,
                                                 .ask = configure,
                                                 .ended = configured};
