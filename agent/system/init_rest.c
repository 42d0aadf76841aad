#include <errno.h>
#include <time.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "guest/auth.h"
#include "system/system.h"
#include "system/version.h"

/* POST /init: the host tells the guest who it is, what time it is, and which token counts from now on. Hosts call it again and
 * again, a few milliseconds apart, so it is idempotent, and quick.
 *
 * A call's way: body -> token -> settings -> certificates and volumes -> answer. It waits for two things only: another token than
 * the one that is set, for what the metadata service says of it; what a worker does. The body stays as it came while it waits for
 * the first. A host that left meanwhile has asked for nothing, or is obeyed without an answer. */

#define CLOCK_BEHIND_NS 50000000LL   /* stepped when the guest is further behind */
#define CLOCK_AHEAD_NS  5000000000LL /* or further ahead; in between time is left to the guest */

struct init_call {
    struct http_exchange *x;
    struct chain body;
    struct mmds_wait metadata;
    struct init_wait work;
};

static struct system *system_of(const struct http_exchange *x)
{
    return (struct system *)(uintptr_t)x->route.arg;
}

/* --- what it changes ------------------------------------------------------------------------- */

static bool older(const struct settings *s, const struct init_request *r)
{
    if (!r->has_timestamp || !s->has_timestamp)
        return false;
    return r->seconds < s->timestamp_s || (r->seconds == s->timestamp_s && r->nanos < s->timestamp_ns);
}

static void set_clock(const struct init_request *r)
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

/* An address that is none is the host's mistake, and no reason to refuse the rest. */
static void set_events(struct system *system, const char *address)
{
    struct err e;

    if (address && *address && identity_set_events(&system->identity, address, &e) < 0)
        log_warn("identity.unwritten", LOG_STR("error.message", e.text));
}

static int apply(struct system *system, const struct init_request *r, struct err *e)
{
    struct settings *s = system->settings;

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
    set_events(system, r->hyperloop_ip);
    return settings_set_defaults(s, r->user && *r->user ? r->user : NULL,
                                 r->workdir && *r->workdir ? r->workdir : NULL, e);
}

/* --- the answer ------------------------------------------------------------------------------ */

static void accept_call(struct http_exchange *x)
{
    log_info("init.done");
    http_add(x, "Cache-Control", "no-store");
    http_reply(x, 204, NULL, (struct bytes){NULL, 0});
}

/* Certificates and volumes: 503 is for what may go well the next time. */
static void on_work(struct init_wait *w)
{
    struct http_exchange *x = CONTAINER_OF(w, struct init_call, work)->x;

    if (w->failed)
        http_reply_text(x, w->error.status == STATUS_UNAVAILABLE ? 503 : 400, w->error.text);
    else
        accept_call(x);
}

/* Who calls /init has brought the guest back to life: nothing stays frozen, even if what else he says is old or wrong. */
static void obey(struct init_call *call, const struct init_request *r)
{
    struct system *system = system_of(call->x);
    struct err e = {0};
    int waits = 0;

    freezer_thaw_soon(system->freezer);
    if (!older(system->settings, r)) {
        if (apply(system, r, &e) < 0) {
            http_reply_text(call->x, http_status_of(e.status), e.text);
            return;
        }
        waits = init_work_start(&system->init_work, r, &call->work, &e);
    }
    if (waits < 0) {
        http_reply_text(call->x, http_status_of(e.status), e.text);
        return;
    }
    if (r->token)
        system->settings->require_token = false; /* there is one now */
    system->settings->initialized = true;
    identity_look(&system->identity);
    if (waits == 0)
        accept_call(call->x);
}

/* --- who may ask ----------------------------------------------------------------------------- */

/* Whether the caller shows the token that is set, as he must once there is one. */
static bool has_token(const struct settings *s, const struct init_request *r)
{
    return s->token && r->token && auth_token_equal(bytes_of(r->token), s->token);
}

/* Decides with what the host's metadata say (NULL: there are none). Returns NULL, or why not. */
static const char *refuse(const struct settings *s, const struct init_request *r, const struct mmds_data *m)
{
    bool told = m && *m->token_hash;

    if (has_token(s, r) || (told && mmds_data_allows(m, r->token)) || (!told && !s->token))
        return NULL;
    return r->token ? "access token validation failed" : "access token reset not authorized";
}

static void decide(struct init_call *call, const struct init_request *r, const struct mmds_data *m)
{
    const char *refusal = refuse(system_of(call->x)->settings, r, m);

    if (refusal) {
        log_warn("init.refused", LOG_STR("error.type", refusal));
        http_reply_text(call->x, 401, refusal);
    } else {
        obey(call, r);
    }
}

/* The body's text on the heap, NUL-terminated; NULL when out of memory, which is answered. */
static char *text_of(struct init_call *call)
{
    char *text = malloc(call->body.bytes + 1);

    if (!text) {
        http_error(call->x, 500, "out of memory");
        return NULL;
    }
    chain_peek(&call->body, text, call->body.bytes);
    text[call->body.bytes] = 0;
    return text;
}

static void wipe(struct init_call *call)
{
    CHAIN_FOREACH (it, &call->body)
        explicit_bzero(it->data, it->len);
    chain_clear(&call->body);
}

/* Parses the body, and goes on: `asked` says that m is what the metadata service answered. */
static void go_on(struct init_call *call, bool asked, const struct mmds_data *m)
{
    struct system *system = system_of(call->x);
    size_t len = call->body.bytes;
    char *text = text_of(call);
    struct init_request r;
    struct err e;

    if (!text)
        return;
    if (init_request_parse(&r, (struct bytes){text, len}, &e) < 0) {
        http_reply(call->x, http_status_of(e.status), NULL, (struct bytes){NULL, 0});
    } else if (!asked && system->identity.has_metadata && !has_token(system->settings, &r)) {
        mmds_ask(&system->identity.mmds, &call->metadata);
    } else {
        wipe(call);
        decide(call, &r, m);
    }
    init_request_clear(&r);
    explicit_bzero(text, len); /* it held the token */
    free(text);
}

static void on_metadata(struct mmds_wait *w, const struct mmds_data *m)
{
    go_on(CONTAINER_OF(w, struct init_call, metadata), true, m);
}

/* --- the body -------------------------------------------------------------------------------- */

static void on_body(struct http_exchange *x)
{
    struct chain *body = &((struct init_call *)x->owner)->body;

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
    if (!x->status) {
        http_add(x, "X-Envd-Version", version_told(x->http, system_of(x)->compat));
        go_on(x->owner, false, NULL);
    }
}

static void on_destroy(struct http_exchange *x)
{
    struct init_call *call = x->owner;

    mmds_cancel(&system_of(x)->identity.mmds, &call->metadata);
    init_work_leave(&call->work);
    wipe(call);
    free(call);
}

void init_begin(struct http_exchange *x)
{
    static const struct http_events events = {
        .body = on_body, .body_end = on_body_end, .destroy = on_destroy};
    struct init_call *call = calloc(1, sizeof *call);

    if (!call) {
        http_error(x, 500, "out of memory");
        return;
    }
    call->x = x;
    call->metadata.answered = on_metadata;
    call->work.done = on_work;
    http_own(x, &events, call);
}
