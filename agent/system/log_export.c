#include "system/log_export.h"

#include "core/limits.h"
#include "system/log_line.h"

struct log_export_line {
    STAILQ_ENTRY(log_export_line) link;
    size_t len;
    char text[];
};

/* --- the queue ------------------------------------------------------------------------------- */

static struct log_export_line *take_first(struct log_export *x)
{
    struct log_export_line *line = STAILQ_FIRST(&x->lines);

    if (line) {
        STAILQ_REMOVE_HEAD(&x->lines, link);
        x->bytes -= line->len;
    }
    return line;
}

static void append(struct log_export *x, const struct chain *text)
{
    struct log_export_line *line = malloc(sizeof *line + text->bytes);

    if (!line) {
        x->dropped++;
        return;
    }
    line->len = text->bytes;
    chain_peek(text, line->text, line->len);
    STAILQ_INSERT_TAIL(&x->lines, line, link);
    x->bytes += line->len;
    for (; x->bytes > LOGS_QUEUE_MAX; x->dropped++)
        free(take_first(x));
}

static void forget(struct log_export *x)
{
    struct log_export_line *line;

    while ((line = take_first(x)))
        free(line);
    free(TAKE(x->going));
    x->dropped = x->telling = 0;
}

/* --- sending --------------------------------------------------------------------------------- */

static bool busy(const struct log_export *x)
{
    return x->going || x->telling;
}

/* What was lost comes before what is left. */
static void put_next(struct log_export *x, struct writer *w)
{
    const struct log_field lost = LOG_INT("log.records", x->dropped);

    if (x->dropped) {
        x->telling = x->dropped;
        log_line_begin(w, LOG_WARN, "log.dropped", &lost, 1);
    } else {
        x->going = take_first(x);
        writer_put(w, x->going->text, x->going->len);
    }
    log_line_end(w, x->instance_id, x->template_id);
}

/* Gives up the request under way: its line is the first again. */
static void put_back(struct log_export *x)
{
    http_client_close(&x->client);
    if (x->going) {
        STAILQ_INSERT_HEAD(&x->lines, x->going, link);
        x->bytes += x->going->len;
        x->going = NULL;
    }
    x->telling = 0;
}

static void on_failed(struct http_client *c, const struct err *e)
{
    struct log_export *x = CONTAINER_OF(c, struct log_export, client);

    put_back(x);
    x->failures++;
    if (x->failures < LOGS_ATTEMPTS_MAX)
        loop_timer(c->loop, &x->again,
                   MIN((uint64_t)LOGS_AGAIN_MS << (x->failures - 1), (uint64_t)LOGS_AGAIN_MAX_MS));
    if (x->failures == 1)
        log_warn("logs.away", LOG_STR("error.message", e->text));
}

static void send_next(struct log_export *x)
{
    CLEANUP_FREE char *text = NULL;
    struct chain body = {0};
    struct writer w;
    struct err e;

    if (x->state != LOG_EXPORT_ON || busy(x) || (!x->dropped && STAILQ_EMPTY(&x->lines)))
        return;
    writer_init(&w, &body, NULL, SIZE_MAX);
    put_next(x, &w);
    if (writer_done(&w) == 0 && (text = malloc(body.bytes))) {
        chain_peek(&body, text, body.bytes);
        http_client_ask(&x->client, "POST", x->url.target, NULL, 0, HTTP_MEDIA_JSON,
                        (struct bytes){text, body.bytes});
    } else {
        err_nomem(&e, "send a line of the log");
        on_failed(&x->client, &e);
    }
    chain_clear(&body);
}

static void on_answered(struct http_client *c)
{
    struct log_export *x = CONTAINER_OF(c, struct log_export, client);
    int status = c->answer.status;
    struct err e;

    if (status == 408 || status == 429 || status >= 500) {
        err_set(&e, STATUS_UNAVAILABLE, 0, "%s answered with status %d", c->host, status);
        on_failed(c, &e);
        return;
    }
    free(TAKE(x->going));
    x->dropped -= x->telling;
    x->telling = 0;
    if (x->failures > 0)
        log_info("logs.back", LOG_INT("logs.attempts", x->failures));
    x->failures = 0;
    send_next(x);
}

static void on_again(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    send_next(CONTAINER_OF(w, struct log_export, again));
}

/* --- the log's sink -------------------------------------------------------------------------- */

/* Who waits for another attempt goes on waiting; whose attempts are used up tries once more. */
static void on_line(void *arg, enum log_level level, const char *event, const struct log_field *fields,
                    size_t n)
{
    struct log_export *x = arg;
    struct chain text = {0};
    struct writer w;

    writer_init(&w, &text, NULL, (size_t)4 * LOG_LINE_MAX);
    log_line_begin(&w, level, event, fields, n);
    if (writer_done(&w) == 0)
        append(x, &text);
    else
        x->dropped++;
    chain_clear(&text);
    if (!ev_is_active(&x->again))
        send_next(x);
}

/* --- states ---------------------------------------------------------------------------------- */

void log_export_init(struct log_export *x, struct loop *loop)
{
    *x = (struct log_export){.state = LOG_EXPORT_OFF};
    STAILQ_INIT(&x->lines);
    ev_init(&x->again, on_again);
    http_client_init(&x->client, loop);
    x->client.answered = on_answered;
    x->client.failed = on_failed;
    x->client.timeout_ms = LOGS_SEND_MS;
    x->client.answer_max = MMDS_MAX;
}

void log_export_wait(struct log_export *x)
{
    x->state = LOG_EXPORT_WAITING;
    log_set_sink(on_line, x);
}

void log_export_off(struct log_export *x)
{
    log_set_sink(NULL, NULL);
    ev_timer_stop(x->client.loop->ev, &x->again);
    http_client_close(&x->client);
    forget(x);
    x->failures = 0;
    x->state = LOG_EXPORT_OFF;
}

/* After a restore of the machine the kept connection is of another world: a new identity begins with a new one. */
void log_export_to(struct log_export *x, const struct mmds_data *m)
{
    struct http_url url;
    struct err e;

    if (!*m->logs_url || http_url_parse(bytes_of(m->logs_url), &url, &e) < 0) {
        log_export_off(x);
        if (*m->logs_url)
            log_warn("logs.none", LOG_STR("error.message", e.text));
        return;
    }
    if (x->state == LOG_EXPORT_ON && strcmp(x->instance_id, m->instance_id) == 0 &&
        strcmp(x->template_id, m->template_id) == 0 && strcmp(x->url.target, url.target) == 0 &&
        strcmp(x->url.authority, url.authority) == 0)
        return;
    put_back(x); /* it goes out again, under the new name */
    ev_timer_stop(x->client.loop->ev, &x->again);
    x->failures = 0;
    x->url = url;
    memcpy(x->instance_id, m->instance_id, sizeof x->instance_id);
    memcpy(x->template_id, m->template_id, sizeof x->template_id);
    http_client_set_address(&x->client, &url.address, url.authority);
    log_export_wait(x);
    x->state = LOG_EXPORT_ON;
    send_next(x);
}

void log_export_destroy(struct log_export *x)
{
    log_export_off(x);
}
