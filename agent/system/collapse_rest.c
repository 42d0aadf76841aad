#include <inttypes.h>

#include "core/writer.h"
#include "guest/collapse.h"
#include "system/system.h"

/* POST /collapse: huge pages for the agent's own memory. */

struct collapse_call {
    struct job job;
    struct system *system;
    ticket exchange;
    struct collapse_report report;
    bool failed;
    struct err error;
};

static void run(struct job *j)
{
    struct collapse_call *c = CONTAINER_OF(j, struct collapse_call, job);

    c->failed = collapse_own_memory(&c->report, &c->error) < 0;
}

static void reply(struct http_exchange *x, const struct collapse_report *r)
{
    struct chain body = {0};
    struct writer w;

    writer_init(&w, &body, NULL, SIZE_MAX);
    writer_printf(&w, "{\"regions\":%" PRIu64 ",\"chunks\":%" PRIu64 ",\"collapsed\":%" PRIu64 ",",
                  r->regions, r->chunks, r->collapsed);
    writer_printf(&w, "\"alreadyHuge\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"elapsedMs\":%" PRIu64 "}\n",
                  r->already_huge, r->skipped, r->elapsed_ms);
    system_reply(x, &w);
}

static void done(struct job *j)
{
    struct collapse_call *c = CONTAINER_OF(j, struct collapse_call, job);
    struct http_exchange *x = ticket_find(&c->system->waiting, c->exchange);

    if (x && c->failed)
        http_error(x, 500, "%s", c->error.text);
    else if (x)
        reply(x, &c->report);
    free(c);
}

static void on_destroy(struct http_exchange *x)
{
    struct system *system = (struct system *)(uintptr_t)x->route.arg;

    ticket_drop(&system->waiting, (ticket)(uintptr_t)x->owner);
}

void collapse_begin(struct http_exchange *x)
{
    static const struct http_events events = {.destroy = on_destroy};
    struct system *system = (struct system *)(uintptr_t)x->route.arg;
    struct collapse_call *c = calloc(1, sizeof *c);
    struct err e;

    err_nomem(&e, "collapse");
    if (c) {
        c->job.run = run;
        c->job.done = done;
        c->system = system;
        c->exchange = ticket_new(&system->waiting, x);
        http_own(x, &events, (void *)(uintptr_t)c->exchange);
    }
    if (!c || !c->exchange || jobs_submit(system->workers, &c->job, &e) < 0) {
        free(c);
        http_error(x, http_status_of(e.status), "%s", e.text);
    }
}
