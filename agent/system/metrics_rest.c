#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/writer.h"
#include "system/system.h"

/* GET /metrics, in the form of E2B's agent, and behind its keys what our workers do. statfs may hang on a dead disk, so a worker reads. */

struct sample {
    struct job job;
    struct system *system;
    ticket exchange;
    uint64_t cpu_busy, cpu_total; /* jiffies since boot, all processors */
    unsigned cpus;
    uint64_t mem_total, mem_available, mem_cache; /* bytes */
    uint64_t disk_total, disk_used;
};

/* "cpu  user nice system idle iowait irq softirq steal guest guest_nice", then a line for each processor:
 * proc(5). guest is counted in user already. */
static void read_cpu(struct sample *s)
{
    static const char names[] = "cpu";
    char text[16384];
    uint64_t v[8];
    char *at = text + 3;

    fd_read_file(AT_FDCWD, "/proc/stat", text, sizeof text);
    if (strncmp(text, names, 3) != 0)
        return;
    for (int i = 0; i < 8; i++) {
        v[i] = strtoull(at, &at, 10);
        s->cpu_total += v[i];
    }
    s->cpu_busy = s->cpu_total - v[3] - v[4];
    for (const char *line = strchr(text, '\n'); line && strncmp(line + 1, names, 3) == 0;
         line = strchr(line + 1, '\n'))
        s->cpus++;
}

/* The value in bytes of a line "Name:   123 kB"; `name` is "Name:". */
static uint64_t meminfo(const char *text, const char *name)
{
    const char *line = text;
    size_t len = strlen(name);

    while (line && strncmp(line, name, len) != 0) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return line ? strtoull(line + len, NULL, 10) * 1024 : 0;
}

static void run(struct job *j)
{
    struct sample *s = CONTAINER_OF(j, struct sample, job);
    char text[8192];
    struct statfs fs;

    read_cpu(s);
    fd_read_file(AT_FDCWD, "/proc/meminfo", text, sizeof text);
    s->mem_total = meminfo(text, "MemTotal:");
    s->mem_available = meminfo(text, "MemAvailable:");
    s->mem_cache = meminfo(text, "Cached:") + meminfo(text, "SReclaimable:");
    if (statfs("/", &fs) == 0) {
        s->disk_total = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
        s->disk_used =
            s->disk_total - (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize; /* reserved blocks count as used */
    }
}

static void done(struct job *j)
{
    struct sample *s = CONTAINER_OF(j, struct sample, job);
    struct system *system = s->system;
    struct http_exchange *x = ticket_find(&system->waiting, s->exchange);
    uint64_t total = s->cpu_total - system->cpu_total, busy = s->cpu_busy - system->cpu_busy;
    double used = total > 0 && busy <= total ? 100. * (double)busy / (double)total : 0.;
    struct jobs_counts workers = jobs_counts(system->workers);
    struct chain body = {0};
    struct writer w;

    if (x) {
        writer_init(&w, &body, NULL, SIZE_MAX);
        writer_printf(&w, "{\"ts\":%lld,\"cpu_count\":%u,\"cpu_used_pct\":%.2f,",
                      (long long)clock_wall().tv_sec, s->cpus, used);
        writer_printf(&w, "\"mem_total_mib\":%" PRIu64 ",\"mem_used_mib\":%" PRIu64 ",", s->mem_total >> 20,
                      (s->mem_total - s->mem_available) >> 20);
        writer_printf(&w, "\"mem_total\":%" PRIu64 ",\"mem_used\":%" PRIu64 ",\"mem_cache\":%" PRIu64 ",",
                      s->mem_total, s->mem_total - s->mem_available, s->mem_cache);
        writer_printf(&w, "\"disk_used\":%" PRIu64 ",\"disk_total\":%" PRIu64 ",", s->disk_used,
                      s->disk_total);
        writer_printf(&w, "\"worker_threads\":%u,\"worker_queued\":%u,\"worker_stuck\":%u}\n",
                      workers.threads, workers.queued, workers.stuck);
        system_reply(x, &w);
        system->cpu_total = s->cpu_total;
        system->cpu_busy = s->cpu_busy;
    }
    free(s);
}

static void on_destroy(struct http_exchange *x)
{
    struct system *system = (struct system *)(uintptr_t)x->route.arg;

    ticket_drop(&system->waiting, (ticket)(uintptr_t)x->owner);
}

void metrics_begin(struct http_exchange *x)
{
    static const struct http_events events = {.destroy = on_destroy};
    struct system *system = (struct system *)(uintptr_t)x->route.arg;
    struct sample *s = calloc(1, sizeof *s);
    struct err e;

    err_nomem(&e, "read the metrics");
    if (s) {
        s->job.run = run;
        s->job.done = done;
        s->system = system;
        s->exchange = ticket_new(&system->waiting, x);
        http_own(x, &events, (void *)(uintptr_t)s->exchange);
    }
    if (!s || !s->exchange || jobs_submit(system->workers, &s->job, &e) < 0) {
        free(s);
        http_error(x, http_status_of(e.status), "%s", e.text);
    }
}
