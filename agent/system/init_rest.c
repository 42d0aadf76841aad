#include <errno.h>
#include <time.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "guest/auth.h"
#include "rpc/codec/json.h"
#include "system/system.h"

/* POST /init: the host tells the guest who it is, what time it is, and which token counts from now on. Hosts
 * call it again and again, so it is idempotent, and quick. */

#define CLOCK_BEHIND_NS 50000000LL   /* stepped when the guest is further behind */
#define CLOCK_AHEAD_NS  5000000000LL /* or further ahead; in between time is left to the guest */

/* What the body says; strings stay the JSON's. */
struct request {
    json_t *json;
    json_t *vars; /* an object, or NULL */
    const char *token;
    bool has_timestamp;
    int64_t seconds;
    int32_t nanos;
    const char *user, *workdir;
    const char *hyperloop_ip, *lifecycle_id, *ca_bundle;
    json_t *volume_mounts;
};

/* The string of that name; NULL when it is absent or null. Sets *bad when it is something else. */
static const char *string_of(json_t *json, const char *name, bool *bad)
{
    json_t *v = json_object_get(json, name);

    if (!v || json_is_null(v))
        return NULL;
    if (!json_is_string(v))
        *bad = true;
    return json_string_value(v);
}

static bool all_strings(json_t *object)
{
    const char *name;
    json_t *v;

    json_object_foreach(object, name, v) if (!json_is_string(v)) return false;
    return true;
}

/* Returns 0, or -1 with *e when the body is not what it should be. An empty one asks for nothing. */
static int parse(struct bytes body, struct request *r, struct err *e)
{
    const char *timestamp;
    bool bad = false;

    *r = (struct request){0};
    if (body.len == 0)
        return 0;
    r->json = json_parse(body, 32 * (size_t)INIT_BODY_MAX, e);
    if (!r->json)
        return -1;
    err_set(e, STATUS_INVALID_ARGUMENT, 0, "malformed");
    r->vars = json_object_get(r->json, "envVars");
    if (json_is_null(r->vars))
        r->vars = NULL;
    if (r->vars && (!json_is_object(r->vars) || !all_strings(r->vars)))
        return -1;
    r->token = string_of(r->json, "accessToken", &bad);
    r->user = string_of(r->json, "defaultUser", &bad);
    r->workdir = string_of(r->json, "defaultWorkdir", &bad);
    r->hyperloop_ip = string_of(r->json, "hyperloopIP", &bad);
    r->lifecycle_id = string_of(r->json, "lifecycleID", &bad);
    r->ca_bundle = string_of(r->json, "caBundle", &bad);
    r->volume_mounts = json_object_get(r->json, "volumeMounts");
    timestamp = string_of(r->json, "timestamp", &bad);
    if (timestamp) {
        r->has_timestamp = true;
        bad |= clock_parse_rfc3339(timestamp, strlen(timestamp), &r->seconds, &r->nanos) < 0;
    }
    if (r->token && (!*r->token || strchr(r->token, '\\')))
        bad = true;
    return bad ? -1 : 0;
}

/* The token that is set already must be shown again. Returns NULL, or why not. */
static const char *refuse(const struct settings *s, const struct request *r)
{
    if (!s->token || (r->token && auth_token_equal(bytes_of(r->token), s->token)))
        return NULL;
    return r->token ? "access token validation failed" : "access token reset not authorized";
}

static bool older(const struct settings *s, const struct request *r)
{
    if (!r->has_timestamp || !s->has_timestamp)
        return false;
    return r->seconds < s->timestamp_s || (r->seconds == s->timestamp_s && r->nanos < s->timestamp_ns);
}

static void set_clock(const struct request *r)
{
    struct timespec now = clock_wall(), then = {.tv_sec = r->seconds, .tv_nsec = r->nanos};
    int64_t behind = (int64_t)(then.tv_sec - now.tv_sec) * 1000000000LL + (then.tv_nsec - now.tv_nsec);

    if (behind <= CLOCK_BEHIND_NS && -behind <= CLOCK_AHEAD_NS)
        return;
    if (clock_settime(CLOCK_REALTIME, &then) < 0)
        log_warn("clock.unset", LOG_STR("error.type", errno_text(errno)),
                 LOG_INT("clock.offset_ms", behind / 1000000));
    else
        log_info("clock.set", LOG_INT("clock.offset_ms", behind / 1000000));
}

static int set_vars(struct settings *s, json_t *vars, struct err *e)
{
    size_t n = json_object_size(vars), i = 0;
    CLEANUP_FREE const char **names = calloc(n + 1, sizeof *names);
    CLEANUP_FREE const char **values = calloc(n + 1, sizeof *values);
    const char *name;
    json_t *v;

    if (!names || !values)
        return err_nomem(e, "set the environment");
    json_object_foreach(vars, name, v)
    {
        names[i] = name;
        values[i++] = json_string_value(v);
    }
    return settings_set_vars(s, names, values, n, e);
}

/* Keeps a copy of a text for those who will need it. */
static void keep(char **to, const char *text)
{
    if (!text)
        return;
    free(*to);
    *to = strdup(text);
}

static int apply(struct settings *s, const struct request *r, struct err *e)
{
    if (r->has_timestamp) {
        s->has_timestamp = true;
        s->timestamp_s = r->seconds;
        s->timestamp_ns = r->nanos;
        set_clock(r);
    }
    if (r->vars && set_vars(s, r->vars, e) < 0)
        return -1;
    if (settings_set_token(s, r->token, e) < 0)
        return -1;
    keep(&s->hyperloop_ip, r->hyperloop_ip);
    keep(&s->lifecycle_id, r->lifecycle_id);
    keep(&s->ca_bundle, r->ca_bundle);
    if (r->volume_mounts && !json_is_null(r->volume_mounts)) {
        free(s->volume_mounts);
        s->volume_mounts = json_text(r->volume_mounts);
    }
    return settings_set_defaults(s, r->user && *r->user ? r->user : NULL,
                                 r->workdir && *r->workdir ? r->workdir : NULL, e);
}

/* Who calls /init has brought the guest back to life: nothing stays frozen, even if what else he says is old or wrong. */
static void obey(struct http_exchange *x, const struct request *r)
{
    const struct system *system = x->route->arg;
    struct settings *s = system->settings;
    struct err e;

    freezer_thaw_soon(system->freezer);
    if (!older(s, r) && apply(s, r, &e) < 0) {
        http_reply_text(x, http_status_of(e.status), e.text);
        return;
    }
    if (r->token)
        s->require_token = false; /* there is one now */
    s->initialized = true;
    log_info("init.done");
    http_add(x, "Cache-Control", "no-store");
    http_reply(x, 204, NULL, (struct bytes){NULL, 0});
}

static void answer(struct http_exchange *x, struct bytes body)
{
    const struct system *system = x->route->arg;
    const char *refusal;
    struct request r;
    struct err e;

    http_add(x, "X-Envd-Version", system->told_version);
    if (parse(body, &r, &e) < 0) {
        http_reply(x, http_status_of(e.status), NULL, (struct bytes){NULL, 0});
    } else if ((refusal = refuse(system->settings, &r))) {
        log_warn("init.refused", LOG_STR("error.type", refusal));
        http_reply_text(x, 401, refusal);
    } else {
        obey(x, &r);
    }
    json_decref(r.json);
}

/* --- the body -------------------------------------------------------------------------------- */

static void on_body(struct http_exchange *x)
{
    struct chain *body = x->owner;

    if (body->bytes + x->in.bytes > INIT_BODY_MAX) {
        http_error(x, 413, "the body of /init is larger than %u bytes", INIT_BODY_MAX);
        return;
    }
    if (chain_move(body, &x->in, x->in.bytes) < 0) {
        http_error(x, 500, "out of memory");
        return;
    }
    http_body_consumed(x);
}

static void on_body_end(struct http_exchange *x)
{
    struct chain *body = x->owner;
    CLEANUP_FREE uint8_t *text = malloc(body->bytes + 1);

    if (x->status)
        return;
    if (!text) {
        http_error(x, 500, "out of memory");
        return;
    }
    chain_peek(body, text, body->bytes);
    answer(x, (struct bytes){(char *)text, body->bytes});
    explicit_bzero(text, body->bytes); /* it held the token */
}

static void on_destroy(struct http_exchange *x)
{
    struct chain *body = x->owner;

    CHAIN_FOREACH (it, body)
        explicit_bzero(it->data, it->len);
    chain_clear(body);
    free(body);
}

void init_begin(struct http_exchange *x)
{
    static const struct http_events events = {
        .body = on_body, .body_end = on_body_end, .destroy = on_destroy};
    struct chain *body = calloc(1, sizeof *body);

    if (!body) {
        http_error(x, 500, "out of memory");
        return;
    }
    http_own(x, &events, body);
}
