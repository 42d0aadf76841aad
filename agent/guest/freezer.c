#include "guest/freezer.h"

#include <errno.h>
#include <time.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "guest/fs/fsfreeze.h"

#define POLL_MS  2    /* the kernel says nothing when it is done but in a file */
#define AGAIN_MS 1000 /* until a thaw that nobody waits for is tried again */

static const enum cgroup_class classes[] = {CGROUP_USER, CGROUP_PTYS};

/* --- in the thread --------------------------------------------------------------------------- */

/* Somebody has asked for something else since: this request is void. */
static bool is_superseded(const struct freezing *z)
{
    return __atomic_load_n(&z->freezer->latest, __ATOMIC_ACQUIRE) >
           z->number; /* its own may not be stored yet */
}

/* A cgroup that somebody has removed is not frozen. */
static int order(const struct freezing *z, const struct cgroups *c, enum cgroup_class k)
{
    int ret = cgroup_class_freeze(c, k, z->freeze);

    return ret < 0 && !z->freeze && (errno == ENOENT || errno == ENODEV) ? 0 : ret;
}

static void tell(struct freezing *z, const struct cgroups *c)
{
    struct freeze_report *r = &z->report;
    uint64_t start = clock_mono_ms();

    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        r->visited++;
        r->pre_frozen += z->freeze && cgroup_class_frozen(c, classes[i]) == 1;
        if (order(z, c, classes[i]) == 0) {
            r->requested++;
        } else {
            r->failed++;
            err_set(&z->error, STATUS_INTERNAL, errno, "%s the processes", z->freeze ? "freeze" : "thaw");
        }
    }
    r->sweep_ms = clock_mono_ms() - start;
}

/* Counts what is frozen by now. */
static void look(struct freeze_report *r, const struct cgroups *c)
{
    r->frozen = r->not_frozen = r->unobservable = 0;
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        int frozen = cgroup_class_frozen(c, classes[i]);

        r->frozen += frozen == 1;
        r->not_frozen += frozen == 0;
        r->unobservable += frozen < 0;
    }
}

static void wait_until_frozen(struct freezing *z, const struct cgroups *c)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    uint64_t start = clock_mono_ms();

    for (look(&z->report, c); z->report.not_frozen > 0; look(&z->report, c)) {
        if (clock_mono_ms() - start >= z->wait_ms || is_superseded(z))
            break;
        nanosleep(&pause, NULL);
    }
    z->report.wait_ms = clock_mono_ms() - start;
}

static void run(struct job *j)
{
    struct freezing *z = CONTAINER_OF(j, struct freezing, job);
    struct cgroups *c = z->freezer->execs->cgroups;

    if (!cgroups_open(c)) {
        z->failed = z->freeze; /* what cannot freeze is thawed */
        err_set(&z->error, STATUS_UNAVAILABLE, 0, "freeze: there is no cgroup v2 to do it with (%s)",
                c->why.text);
        return;
    }
    if (!is_superseded(z))
        tell(z, c);
    z->failed = !z->freeze && z->report.failed > 0;
    if (z->freeze && z->wait_ms > 0)
        wait_until_frozen(z, c);
}

/* --- on the loop ----------------------------------------------------------------------------- */

static int submit(struct freezer *f, struct freezing *z, struct err *e)
{
    z->freezer = f;
    z->number = f->latest + 1;
    z->job.run = run;
    z->wait_ms = MIN(z->wait_ms, FREEZE_WAIT_MAX_MS);
    if (jobs_submit(f->jobs, &z->job, e) < 0)
        return -1;
    __atomic_store_n(&f->latest, z->number, __ATOMIC_RELEASE);
    return 0;
}

int freezer_freeze(struct freezer *f, struct freezing *z, struct err *e)
{
    z->freeze = true;
    if (submit(f, z, e) < 0)
        return -1;
    execs_shut_gate(f->execs);
    loop_timer(f->loop, &f->watchdog, FREEZE_MAX_MS);
    return 0;
}

int freezer_thaw(struct freezer *f, struct freezing *z, struct err *e)
{
    z->freeze = false;
    return submit(f, z, e);
}

void freezer_applied(struct freezing *z)
{
    struct freezer *f = z->freezer;

    if (z->number != f->latest || (z->freeze ? z->report.requested > 0 : z->failed))
        return;
    ev_timer_stop(f->loop->ev, &f->watchdog);
    execs_open_gate(f->execs);
}

static void soon_done(struct job *j)
{
    struct freezing *z = CONTAINER_OF(j, struct freezing, job);

    freezer_applied(z);
    if (z->failed) {
        log_warn("freezer.stuck", LOG_STR("error.message", z->error.text));
        loop_timer(z->freezer->loop, &z->freezer->watchdog, AGAIN_MS);
    }
    free(z);
}

void freezer_thaw_soon(struct freezer *f)
{
    struct freezing *z;

    if (!f->execs->gate_shut)
        return;
    z = calloc(1, sizeof *z);
    if (z)
        z->job.done = soon_done;
    if (!z || freezer_thaw(f, z, NULL) < 0) {
        free(z);
        loop_timer(f->loop, &f->watchdog, AGAIN_MS);
    }
}

static void on_watchdog(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    log_warn("freezer.watchdog");
    freezer_thaw_soon(w->data);
}

/* --- the file system ------------------------------------------------------------------------- */

static void run_disk(struct job *j)
{
    struct disk_freezing *z = CONTAINER_OF(j, struct disk_freezing, job);

    z->failed = (z->freeze ? fs_freeze("/", &z->error) : fs_thaw("/", &z->error)) < 0;
}

int freezer_disk(struct freezer *f, struct disk_freezing *z, bool freeze, struct err *e)
{
    z->job.run = run_disk;
    z->freeze = freeze;
    return jobs_submit(f->disk_jobs, &z->job, e);
}

/* --- life ------------------------------------------------------------------------------------ */

int freezer_init(struct freezer *f, struct loop *loop, struct execs *execs)
{
    *f = (struct freezer){.loop = loop, .execs = execs};
    f->jobs = jobs_new(loop, &(struct jobs_config){"freeze", 1, 0, FREEZE_CALLS_MAX});
    f->disk_jobs = jobs_new(loop, &(struct jobs_config){"fsfreeze", 1, 0, FREEZE_CALLS_MAX});
    ev_init(&f->watchdog, on_watchdog);
    f->watchdog.data = f;
    return f->jobs && f->disk_jobs ? 0 : -1;
}

void freezer_destroy(struct freezer *f)
{
    jobs_destroy(f->jobs);
    jobs_destroy(f->disk_jobs);
    ev_timer_stop(f->loop->ev, &f->watchdog);
}
