#include "system/mmds.h"

#include <errno.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"

#define HOST       "169.254.169.254"
#define TOKEN_PATH "/latest/api/token"
#define TOKEN_LIFE "60" /* seconds */

/* --- one ask --------------------------------------------------------------------------------- */

static void ask(struct mmds *d)
{
    static const struct http_client_field fields[] = {{"X-metadata-token-ttl-seconds", TOKEN_LIFE}};

    if (d->asking)
        return;
    d->asking = true;
    d->has_token = false;
    http_client_ask(&d->client, "PUT", TOKEN_PATH, fields, ARRAY_LEN(fields), NULL, (struct bytes){NULL, 0});
}

/* Those who wait now get an answer; who begins to wait from inside of it gets the next one. */
static void answer_waiters(struct mmds *d)
{
    struct mmds_waiters waiters = TAILQ_HEAD_INITIALIZER(waiters);
    struct mmds_wait *w;

    TAILQ_CONCAT(&waiters, &d->waiting, link);
    while ((w = TAILQ_FIRST(&waiters))) {
        TAILQ_REMOVE(&waiters, w, link);
        w->waiting = false;
        w->answered(w, d->known ? &d->last : NULL);
    }
}

/* Whether the poll is over: it has what it wants, or it will not get it. */
static bool poll_ends(const struct mmds *d, const struct err *e)
{
    if (e && (e->errnum == ENETUNREACH || e->errnum == EAFNOSUPPORT))
        return true; /* no interface leads there */
    return (!e && *d->last.instance_id) || clock_mono_ms() >= d->poll_until_ms;
}

static void go_on(struct mmds *d, const struct err *e)
{
    if (!d->polling)
        return;
    if (!poll_ends(d, e)) {
        loop_timer(d->client.loop, &d->tick, d->tick_ms);
        d->tick_ms = MIN(2 * d->tick_ms, (unsigned)MMDS_TICK_MAX_MS);
        return;
    }
    d->polling = false;
    if (!e && *d->last.instance_id)
        return;
    log_info("metadata.none", LOG_STR("error.message", e ? e->text : "the host names no sandbox"));
    d->none(d);
}

static void on_failed(struct http_client *c, const struct err *e)
{
    struct mmds *d = CONTAINER_OF(c, struct mmds, client);

    http_client_close(c);
    d->asking = false;
    go_on(d, e);
    answer_waiters(d);
}

static void on_data(struct mmds *d)
{
    struct bytes text = {d->client.answer.body, d->client.answer.len};
    struct mmds_data m;
    struct err e;

    if (mmds_data_parse(text, &m, &e) < 0) {
        on_failed(&d->client, &e);
        return;
    }
    http_client_close(&d->client);
    d->asking = false;
    d->last = m;
    d->known = true;
    go_on(d, NULL);
    if (*m.instance_id)
        d->found(d, &m);
    answer_waiters(d);
}

/* The token is sent back as a field's value. */
static void on_token(struct mmds *d)
{
    struct http_client *c = &d->client;
    char token[MMDS_WORD_MAX];
    size_t n = c->answer.len;
    const struct http_client_field fields[] = {{"X-metadata-token", token}, {"Accept", HTTP_MEDIA_JSON}};
    struct err e;

    for (size_t i = 0; i < n; i++)
        if (c->answer.body[i] <= ' ' || c->answer.body[i] > '~')
            n = 0;
    if (n == 0 || n >= sizeof token) {
        err_set(&e, STATUS_UNAVAILABLE, 0, "%s: the token is none", HOST);
        on_failed(c, &e);
        return;
    }
    memcpy(token, c->answer.body, n);
    token[n] = 0;
    d->has_token = true;
    http_client_ask(c, "GET", "/", fields, ARRAY_LEN(fields), NULL, (struct bytes){NULL, 0});
    explicit_bzero(token, sizeof token);
}

static void on_answered(struct http_client *c)
{
    struct mmds *d = CONTAINER_OF(c, struct mmds, client);
    struct err e;

    if (c->answer.status != 200) {
        err_set(&e, STATUS_UNAVAILABLE, 0, "%s answered with status %d", HOST, c->answer.status);
        on_failed(c, &e);
    } else if (d->has_token) {
        on_data(d);
    } else {
        on_token(d);
    }
}

/* --- who asks -------------------------------------------------------------------------------- */

static void on_tick(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    ask(CONTAINER_OF(w, struct mmds, tick));
}

void mmds_init(struct mmds *d, struct loop *loop)
{
    struct address to = {.transport = TRANSPORT_TCP, .len = sizeof to.sa.in};

    *d = (struct mmds){.asking = false};
    TAILQ_INIT(&d->waiting);
    ev_init(&d->tick, on_tick);
    http_client_init(&d->client, loop);
    d->client.answered = on_answered;
    d->client.failed = on_failed;
    d->client.timeout_ms = MMDS_ASK_MS;
    d->client.answer_max = MMDS_MAX;
    to.sa.in = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0xa9fea9fe)};
    http_client_set_address(&d->client, &to, HOST);
}

void mmds_poll(struct mmds *d)
{
    if (d->polling)
        return;
    d->polling = true;
    d->tick_ms = MMDS_TICK_MS;
    d->poll_until_ms = clock_mono_ms() + MMDS_POLL_MS;
    ask(d);
}

void mmds_ask(struct mmds *d, struct mmds_wait *w)
{
    TAILQ_INSERT_TAIL(&d->waiting, w, link);
    w->waiting = true;
    ask(d);
}

void mmds_cancel(struct mmds *d, struct mmds_wait *w)
{
    if (w->waiting)
        TAILQ_REMOVE(&d->waiting, w, link);
    w->waiting = false;
}

void mmds_destroy(struct mmds *d)
{
    ev_timer_stop(d->client.loop->ev, &d->tick);
    http_client_close(&d->client);
}
