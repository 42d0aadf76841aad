#include <errno.h>
#include <inttypes.h>

#include "core/writer.h"
#include "system/system.h"

/* POST /freeze, /unfreeze, /fsfreeze, /fsthaw: the host holds the guest still for a snapshot. The answers say what is, not
 * what was asked for. */

struct freeze_call {
    struct freezing freezing;
    struct system *system;
    ticket exchange;
};

struct disk_call {
    struct disk_freezing freezing;
    struct system *system;
    ticket exchange;
};

static struct system *system_of(const struct http_exchange *x)
{
    return (struct system *)(uintptr_t)x->route.arg;
}

static void on_destroy(struct http_exchange *x)
{
    ticket_drop(&system_of(x)->waiting, (ticket)(uintptr_t)x->owner);
}

/* A ticket for an exchange that waits for a worker; 0: out of memory, and it is answered. */
static ticket wait_for_worker(struct http_exchange *x)
{
    static const struct http_events events = {.destroy = on_destroy};
    ticket t = ticket_new(&system_of(x)->waiting, x);

    if (t)
        http_own(x, &events, (void *)(uintptr_t)t);
    return t;
}

/* The thread has too much to do: the host may try again. Or there is no memory. */
static void refuse(struct http_exchange *x, const struct err *e)
{
    http_error(x, 503, "%s", e->text);
}

/* --- the processes --------------------------------------------------------------------------- */

static void reply_report(struct http_exchange *x, const struct freeze_report *r)
{
    struct chain body = {0};
    struct writer w;

    writer_init(&w, &body, NULL, SIZE_MAX);
    writer_printf(&w, "{\"mode\":\"legacy\",\"visited\":%u,\"allowlisted\":0,\"truncated\":false,",
                  r->visited);
    writer_printf(&w, "\"preFrozen\":%u,\"requested\":%u,\"frozen\":%u,\"notFrozen\":%u,", r->pre_frozen,
                  r->requested, r->frozen, r->not_frozen);
    writer_printf(&w, "\"failed\":%u,\"unobservable\":%u,", r->failed, r->unobservable);
    writer_printf(&w, "\"sweepMs\":%" PRIu64 ",\"waitMs\":%" PRIu64 "}\n", r->sweep_ms, r->wait_ms);
    system_reply(x, &w);
}

static void answer_freezing(struct http_exchange *x, const struct freezing *z)
{
    if (z->failed)
        http_error(x, 500, "%s", z->error.text);
    else if (z->freeze && z->wait_ms > 0)
        reply_report(x, &z->report);
    else
        http_reply(x, 204, NULL, (struct bytes){NULL, 0});
}

static void freezing_done(struct job *j)
{
    struct freeze_call *c = CONTAINER_OF(j, struct freeze_call, freezing.job);
    struct http_exchange *x = ticket_find(&c->system->waiting, c->exchange);

    freezer_applied(&c->freezing);
    if (x)
        answer_freezing(x, &c->freezing);
    free(c);
}

static void begin(struct http_exchange *x, uint32_t wait_ms,
                  int (*submit)(struct freezer *f, struct freezing *z, struct err *e))
{
    struct freeze_call *c = calloc(1, sizeof *c);
    struct err e;

    err_nomem(&e, "freeze");
    if (c) {
        c->freezing.job.done = freezing_done;
        c->freezing.wait_ms = wait_ms;
        c->system = system_of(x);
        c->exchange = wait_for_worker(x);
    }
    if (!c || !c->exchange || submit(c->system->freezer, &c->freezing, &e) < 0) {
        free(c);
        refuse(x, &e);
    }
}

/* The query's maxWaitMs; none, or less than one: 0. Returns 0, or -1 with *e: invalid_argument, it is no number. */
static int wait_of(const struct http_exchange *x, uint32_t *ms, struct err *e)
{
    CLEANUP_FREE char *text = NULL;
    char *end = NULL;
    bool present;
    long n = 0;

    *ms = 0;
    errno = 0;
    text = http_query(x, "maxWaitMs", &present);
    if (!present)
        return 0;
    if (errno == ENOMEM)
        return err_nomem(e, "read the query");
    if (text)
        n = strtol(text, &end, 10);
    if (!end || end == text || errno || *end)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "maxWaitMs is not a number");
    *ms = (uint32_t)MAX(0, MIN(n, FREEZE_WAIT_MAX_MS));
    return 0;
}

void freeze_begin(struct http_exchange *x)
{
    uint32_t wait_ms;
    struct err e;

    if (wait_of(x, &wait_ms, &e) == 0)
        begin(x, wait_ms, freezer_freeze);
    else if (e.status == STATUS_INVALID_ARGUMENT)
        http_error(x, 400, "%s", e.text);
    else
        refuse(x, &e);
}

void unfreeze_begin(struct http_exchange *x)
{
    begin(x, 0, freezer_thaw);
}

/* --- the file system ------------------------------------------------------------------------- */

static void disk_done(struct job *j)
{
    struct disk_call *c = CONTAINER_OF(j, struct disk_call, freezing.job);
    struct http_exchange *x = ticket_find(&c->system->waiting, c->exchange);

    if (x && c->freezing.failed)
        http_error(x, 500, "%s", c->freezing.error.text);
    else if (x)
        http_reply(x, 204, NULL, (struct bytes){NULL, 0});
    free(c);
}

static void begin_disk(struct http_exchange *x, bool freeze)
{
    struct disk_call *c = calloc(1, sizeof *c);
    struct err e;

    err_nomem(&e, "freeze the file system");
    if (c) {
        c->freezing.job.done = disk_done;
        c->system = system_of(x);
        c->exchange = wait_for_worker(x);
    }
    if (!c || !c->exchange || freezer_disk(c->system->freezer, &c->freezing, freeze, &e) < 0) {
        free(c);
        refuse(x, &e);
    }
}

void fsfreeze_begin(struct http_exchange *x)
{
    begin_disk(x, true);
}

void fsthaw_begin(struct http_exchange *x)
{
    begin_disk(x, false);
}
