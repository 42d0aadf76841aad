#include "system/init_work.h"

#include "core/limits.h"
#include "core/log.h"
#include "guest/trust.h"

/* Lanes are device numbers of slow mounts, of which the kernel gives none so high: volumes wait for each other only. */
#define VOLUME_LANE UINT64_MAX

struct work_job {
    struct job job;
    struct init_work *work; /* for `done`: it lives as long as the agent */
    ticket wait;
    bool failed;
    struct err error;
    char *certificates;
    struct volume volume;
    char *lifecycle_id;
};

static void job_free(struct work_job *j)
{
    free(j->certificates);
    free(j->lifecycle_id);
    free(j);
}

/* --- who waits ------------------------------------------------------------------------------- */

static void end_wait(struct init_wait *w)
{
    init_work_leave(w);
    w->done(w);
}

static void on_deadline(struct ev_loop *ev, ev_timer *t, int revents)
{
    struct init_wait *w = CONTAINER_OF(t, struct init_wait, deadline);

    (void)ev;
    (void)revents;
    w->failed = true;
    err_set(&w->error, STATUS_DEADLINE_EXCEEDED, 0, "certificates or volumes are not there after %u ms",
            INIT_WORK_MS);
    end_wait(w);
}

/* A job has ended; the one who waits for it may have left. */
static void tell(struct work_job *j)
{
    struct init_wait *w = ticket_find(&j->work->waiting, j->wait);

    if (!w)
        return;
    if (j->failed && !w->failed)
        w->error = j->error;
    w->failed |= j->failed;
    if (--w->pending == 0)
        end_wait(w);
}

void init_work_leave(struct init_wait *w)
{
    if (!w->ticket)
        return;
    ticket_drop(&w->work->waiting, w->ticket);
    w->ticket = 0;
    ev_timer_stop(w->work->loop->ev, &w->deadline);
}

/* --- certificates ---------------------------------------------------------------------------- */

static void run_trust(struct job *job)
{
    struct work_job *j = CONTAINER_OF(job, struct work_job, job);

    j->failed = trust_install(TRUST_BUNDLE, TRUST_COPY, j->certificates, &j->error) < 0;
}

static void trust_done(struct job *job)
{
    struct work_job *j = CONTAINER_OF(job, struct work_job, job);

    if (j->failed) {
        log_warn("certificates.failed", LOG_STR("error.message", j->error.text));
    } else {
        free(j->work->certificates);
        j->work->certificates = TAKE(j->certificates);
    }
    tell(j);
    job_free(j);
}

/* --- volumes --------------------------------------------------------------------------------- */

static struct init_mount *mount_of(const struct init_work *k, const char *path)
{
    struct init_mount *m;

    TAILQ_FOREACH (m, &k->mounts, link)
        if (strcmp(m->path, path) == 0)
            return m;
    return NULL;
}

static void forget(struct init_work *k, struct init_mount *m)
{
    if (!m)
        return;
    TAILQ_REMOVE(&k->mounts, m, link);
    k->mount_count--;
    free(m->path);
    free(m->lifecycle_id);
    free(m);
}

/* Without memory it is mounted anew the next time. */
static void remember(struct init_work *k, struct work_job *j)
{
    struct init_mount *m = calloc(1, sizeof *m);

    forget(k, mount_of(k, j->volume.path));
    if (!m || !(m->path = strdup(j->volume.path))) {
        free(m);
        return;
    }
    m->lifecycle_id = TAKE(j->lifecycle_id);
    TAILQ_INSERT_TAIL(&k->mounts, m, link);
    if (++k->mount_count > VOLUMES_KEPT_MAX)
        forget(k, TAILQ_FIRST(&k->mounts));
}

static void run_volume(struct job *job)
{
    struct work_job *j = CONTAINER_OF(job, struct work_job, job);

    j->failed = volume_mount(&j->volume, &j->error) < 0;
}

static void volume_done(struct job *job)
{
    struct work_job *j = CONTAINER_OF(job, struct work_job, job);

    j->work->mounting--;
    if (j->failed)
        log_warn("volume.failed", LOG_STR("error.message", j->error.text));
    else
        remember(j->work, j);
    tell(j);
    job_free(j);
}

/* --- starting -------------------------------------------------------------------------------- */

static struct work_job *job_new(struct init_work *k, struct init_wait *w)
{
    struct work_job *j = calloc(1, sizeof *j);

    if (j) {
        j->work = k;
        j->wait = w->ticket;
    }
    return j;
}

static int submit(struct init_work *k, struct work_job *j, struct init_wait *w, struct err *e)
{
    if (jobs_submit(k->workers, &j->job, e) < 0) {
        job_free(j);
        return -1;
    }
    w->pending++;
    return 0;
}

static int start_trust(struct init_work *k, const struct init_request *r, struct init_wait *w, struct err *e)
{
    struct work_job *j;

    if (!r->ca_bundle || !*r->ca_bundle || (k->certificates && strcmp(r->ca_bundle, k->certificates) == 0))
        return 0;
    j = job_new(k, w);
    if (!j || !(j->certificates = strdup(r->ca_bundle))) {
        free(j);
        return err_nomem(e, "install certificates");
    }
    j->job.run = run_trust;
    j->job.done = trust_done;
    return submit(k, j, w, e);
}

static int start_volume(struct init_work *k, const struct init_request *r, size_t n, struct init_wait *w,
                        struct err *e)
{
    const char *lifecycle_id = r->lifecycle_id ? r->lifecycle_id : "";
    const struct init_mount *there;
    struct work_job *j = job_new(k, w);

    if (!j || !(j->lifecycle_id = strdup(lifecycle_id))) {
        free(j);
        return err_nomem(e, "mount a volume");
    }
    j->job.run = run_volume;
    j->job.done = volume_done;
    j->job.lane = VOLUME_LANE;
    if (init_request_volume(r, n, &j->volume, e) < 0) {
        job_free(j);
        return -1;
    }
    there = mount_of(k, j->volume.path);
    if (there && strcmp(there->lifecycle_id, lifecycle_id) == 0) {
        job_free(j);
        return 0;
    }
    if (submit(k, j, w, e) < 0)
        return -1;
    k->mounting++;
    return 0;
}

int init_work_start(struct init_work *k, const struct init_request *r, struct init_wait *w, struct err *e)
{
    bool mount = k->mounting == 0;

    w->work = k;
    w->pending = 0;
    w->failed = false;
    w->ticket = ticket_new(&k->waiting, w);
    if (!w->ticket)
        return err_nomem(e, "wait for a worker");
    ev_init(&w->deadline, on_deadline);
    if (start_trust(k, r, w, e) < 0) {
        init_work_leave(w);
        return -1;
    }
    for (size_t n = 0; mount && n < json_array_size(r->volumes); n++)
        if (start_volume(k, r, n, w, e) < 0) {
            init_work_leave(w);
            return -1;
        }
    if (w->pending > 0)
        loop_timer(k->loop, &w->deadline, INIT_WORK_MS);
    else
        init_work_leave(w);
    return (int)w->pending;
}

void init_work_init(struct init_work *k, struct loop *loop, struct jobs *workers)
{
    *k = (struct init_work){.loop = loop, .workers = workers};
    TAILQ_INIT(&k->mounts);
}

void init_work_destroy(struct init_work *k)
{
    struct init_mount *m, *next;

    TAILQ_FOREACH_SAFE (m, &k->mounts, link, next)
        forget(k, m);
    free(k->certificates);
    tickets_clear(&k->waiting);
}
