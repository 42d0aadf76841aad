/* Watchers without a wire: a loop, workers that can be held up, and a tree in a directory of its own. */
#ifndef TESTS_UNIT_WATCH_RIG_H
#define TESTS_UNIT_WATCH_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/limits.h"
#include "guest/fs/watch_internal.h"

struct watch_rig {
    struct loop loop;
    struct jobs *workers;
    struct fs_workers fs;
    struct watches all;
    struct settings settings;
    char dir[64]; /* the tree; it is the test's working directory */
    sem_t gate;   /* the worker waits for it */
    sem_t held;   /* and says that it does */
};

static struct watch_rig rig;

static inline void rig_turn(void)
{
    ev_run(rig.loop.ev, EVRUN_NOWAIT);
}

/* Turns until the condition holds. */
#define RUN_UNTIL(condition)                                                                                 \
    do {                                                                                                     \
        uint64_t end_ = clock_mono_ms() + 10000;                                                             \
        while (!(condition) && clock_mono_ms() < end_)                                                       \
            rig_turn();                                                                                      \
        assert_true(condition);                                                                              \
    } while (0)

static inline int rig_setup(void **state)
{
    struct err e;

    (void)state;
    snprintf(rig.dir, sizeof rig.dir, "/tmp/guestd-watch-XXXXXX");
    if (!mkdtemp(rig.dir) || chdir(rig.dir) < 0 || loop_init(&rig.loop) < 0 ||
        sem_init(&rig.gate, 0, 0) < 0 || sem_init(&rig.held, 0, 0) < 0)
        return -1;
    rig.workers = jobs_new(&rig.loop, &(struct jobs_config){"worker", 1, 0, 16});
    if (!rig.workers || settings_init(&rig.settings, "0", &e) < 0)
        return -1;
    fs_workers_init(&rig.fs, &rig.loop, rig.workers);
    watches_init(&rig.all, &rig.loop, &rig.fs);
    return 0;
}

static inline int rig_teardown(void **state)
{
    char command[128];

    (void)state;
    assert_int_equal(rig.all.count, 0);
    assert_int_equal(rig.all.event_bytes, 0);
    fs_workers_destroy(&rig.fs);
    jobs_destroy(rig.workers);
    watches_destroy(&rig.all);
    assert_int_equal(rig.all.tree.dirs.count, 0);
    assert_int_equal(rig.all.tree.node_count, 0);
    assert_int_equal(rig.all.log_count, 0);
    settings_destroy(&rig.settings);
    sem_destroy(&rig.gate);
    sem_destroy(&rig.held);
    loop_destroy(&rig.loop);
    snprintf(command, sizeof command, "rm -r %s", rig.dir);
    return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

/* --- the worker is held up ------------------------------------------------------------------- */

static inline void wait_at_gate(struct job *j)
{
    (void)j;
    sem_post(&rig.held);
    while (sem_wait(&rig.gate) < 0)
        ;
}

static inline void leave_gate(struct job *j)
{
    free(j);
}

/* Whatever is asked of the worker from now on happens after rig_release; when this returns all before is done, but not yet told to
 * the loop. */
static inline void rig_hold(void)
{
    struct job *j = calloc(1, sizeof *j);
    struct err e;

    j->run = wait_at_gate;
    j->done = leave_gate;
    assert_int_equal(jobs_submit(rig.workers, j, &e), 0);
    while (sem_wait(&rig.held) < 0)
        ;
}

static inline void rig_release(void)
{
    sem_post(&rig.gate);
}

/* --- a watcher that notes what it hears ------------------------------------------------------ */

struct heard {
    struct watcher watcher;
    bool ready, failed, settled;
    unsigned changes;
    struct err error;
    char text[4096]; /* of the events taken: "CREATE a, WRITE a" */
};

static inline void hear_ready(struct watcher *w, const struct err *e)
{
    struct heard *h = CONTAINER_OF(w, struct heard, watcher);

    h->ready = !e;
    h->failed = e != NULL;
    if (e)
        h->error = *e;
}

static inline void hear_change(struct watcher *w)
{
    CONTAINER_OF(w, struct heard, watcher)->changes++;
}

static inline void hear_settled(struct watcher *w)
{
    CONTAINER_OF(w, struct heard, watcher)->settled = true;
}

static const struct watcher_events hearing = {hear_ready, hear_change, hear_settled};

static inline void begin_watch(struct heard *h, const char *path, bool recursive)
{
    struct watch_spec spec = {.path = path, .env = rig.settings.env, .recursive = recursive};
    struct err e;

    memset(h, 0, sizeof *h);
    assert_int_equal(watch_open(&rig.all, &h->watcher, &spec, &hearing, &e), 0);
}

/* Watches the rig's tree. */
static inline void start_watch(struct heard *h, bool recursive)
{
    begin_watch(h, rig.dir, recursive);
    RUN_UNTIL(h->ready);
}

/* Takes all events that are there. */
static inline const char *heard(struct heard *h)
{
    static const char *const names[] = {"OVERFLOW", "CREATE", "WRITE", "REMOVE", "RENAME", "CHMOD"};
    struct watch_event *v;
    size_t at = 0;

    h->text[0] = 0;
    while ((v = watch_take(&h->watcher))) {
        at += (size_t)snprintf(h->text + at, sizeof h->text - at, "%s%s %s", at ? ", " : "", names[v->type],
                               v->name);
        assert_true(at < sizeof h->text);
        free(v);
    }
    return h->text;
}

/* The same, when all that has happened is in the queue. */
static inline const char *heard_by_now(struct heard *h)
{
    h->settled = watch_sync(&h->watcher);
    RUN_UNTIL(h->settled);
    return heard(h);
}

static inline void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    close(fd);
}

static inline void make_dir(const char *path)
{
    assert_int_equal(mkdir(path, 0755), 0);
}

/* How many directories the kernel watches for us. */
static inline unsigned kernel_watches(void)
{
    char path[64], line[256];
    unsigned n = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", rig.all.fd);
    f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        n += strncmp(line, "inotify ", 8) == 0;
    fclose(f);
    return n;
}

#endif
