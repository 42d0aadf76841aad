/* A process table with a loop of its own and no wire: what the tests of guest/exec run processes with. */
#ifndef TESTS_UNIT_EXEC_RIG_H
#define TESTS_UNIT_EXEC_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "core/clock.h"
#include "core/log.h"
#include "guest/exec/exec.h"

struct exec_rig {
    struct loop loop;
    struct seg_pool pool;
    struct jobs *spawners, *workers;
    struct cgroups cgroups;
    struct lowfds low;
    struct settings settings;
    struct execs table;
};

static struct exec_rig rig;

/* A subscriber that keeps what it reads. */
struct reader {
    struct exec_sub sub;
    bool started, failed, ended, dropped;
    bool stalled; /* does not read */
    struct err error;
    enum spawn_stage stage;
    char object[128];
    pid_t pid;
    uint64_t id;
    char leaf[24];
    struct exec_exit exit;
    char *out[3]; /* by stream, NUL-terminated */
    size_t len[3];
    uint64_t total;
    bool count_only;
};

static void reader_read(struct reader *r)
{
    while (!r->stalled && r->sub.exec) {
        struct chain chain = {0};
        enum ring_stream stream = RING_STDOUT;
        enum exec_read what;

        exec_taken(&r->sub);
        what = exec_read(&r->sub, FRAME_MAX, &chain, &stream);
        if (what == EXEC_DATA) {
            r->total += chain.bytes;
            if (!r->count_only) {
                r->out[stream] = realloc(r->out[stream], r->len[stream] + chain.bytes + 1);
                chain_peek(&chain, r->out[stream] + r->len[stream], chain.bytes);
                r->len[stream] += chain.bytes;
                r->out[stream][r->len[stream]] = 0;
            }
        }
        chain_clear(&chain);
        if (what == EXEC_END) {
            r->ended = true;
            r->exit = r->sub.exec->exit;
        }
        if (what == EXEC_DROPPED)
            r->dropped = true;
        if (what == EXEC_END || what == EXEC_DROPPED)
            exec_unsubscribe(&r->sub);
        if (what != EXEC_DATA)
            return;
    }
}

static void on_started(struct exec_sub *s)
{
    struct reader *r = CONTAINER_OF(s, struct reader, sub);

    r->started = true;
    r->pid = s->exec->pid;
    r->id = s->exec->id;
    memcpy(r->leaf, s->exec->leaf_name, sizeof r->leaf);
}

static void on_failed(struct exec_sub *s, const struct err *e, enum spawn_stage stage, const char *object)
{
    struct reader *r = CONTAINER_OF(s, struct reader, sub);

    r->failed = true;
    r->error = *e;
    r->stage = stage;
    snprintf(r->object, sizeof r->object, "%s", object);
}

static void on_ready(struct exec_sub *s)
{
    (void)s; /* the tests read in their own loop: nothing may be read from inside the callback */
}

UNUSED static const struct exec_sub_events reader_events = {
    .started = on_started, .failed = on_failed, .ready = on_ready};

UNUSED static void reader_free(struct reader *r)
{
    exec_unsubscribe(&r->sub);
    for (int i = 0; i < 3; i++)
        free(r->out[i]);
    memset(r, 0, sizeof *r);
}

UNUSED static const char *text(const struct reader *r, enum ring_stream stream)
{
    return r->out[stream] ? r->out[stream] : "";
}

static void on_tick(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)w;
    (void)revents;
}

/* One turn, at most 10 ms long. */
static void rig_turn(void)
{
    ev_timer tick;

    ev_timer_init(&tick, on_tick, 0.01, 0.);
    ev_timer_start(rig.loop.ev, &tick);
    ev_run(rig.loop.ev, EVRUN_ONCE);
    ev_timer_stop(rig.loop.ev, &tick);
}

/* Turns, reading for `r` (may be NULL), until the condition holds; the test fails after `ms`. */
#define RUN_UNTIL(r, condition, ms)                                                                          \
    do {                                                                                                     \
        struct reader *r_ = (r);                                                                             \
        uint64_t end_ = clock_mono_ms() + (ms);                                                              \
        while (!(condition)) {                                                                               \
            if (clock_mono_ms() > end_)                                                                      \
                fail_msg("not within %d ms: %s", (int)(ms), #condition);                                     \
            rig_turn();                                                                                      \
            if (r_)                                                                                          \
                reader_read(r_);                                                                             \
        }                                                                                                    \
    } while (0)

/* Where a test's cgroups go; NULL: wherever the agent's would. */
static const char *rig_cgroup_root;

static void exec_rig_init(bool cgroups)
{
    struct spawn_surroundings around = {.uid = geteuid()};
    sigset_t pipe;
    struct err e;

    log_init(LOG_ERROR, LOG_TEXT, false);
    /* As main does: ignored, SIGPIPE would stay ignored in children; and what the tests' caller left open is
     * not ours. */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigprocmask(SIG_BLOCK, &pipe, NULL);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (loop_init(&rig.loop) < 0 || seg_pool_init(&rig.pool, RING_TOTAL_MAX) < 0 ||
        settings_init(&rig.settings, NULL, &e) < 0)
        abort();
    ev_ref(rig.loop.ev);
    rig.spawners = jobs_new(&rig.loop, &(struct jobs_config){"spawn", SPAWN_THREADS, 0, SPAWN_QUEUE_MAX});
    rig.workers = jobs_new(&rig.loop, &(struct jobs_config){"worker", WORKER_THREADS, 4, WORKER_QUEUE_MAX});
    cgroups_init(&rig.cgroups, &rig.loop, rig.workers, cgroups, rig_cgroup_root, false);
    around.cgroups = &rig.cgroups;
    around.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    around.low = &rig.low;
    lowfds_init(&rig.low, around.null_fd);
    if (execs_init(&rig.table, &rig.loop, &rig.pool, rig.spawners, &rig.cgroups, &around, MIB, &e) < 0)
        abort();
}

/* Everything must have gone: processes, segments, descriptors. */
static void exec_rig_destroy(void)
{
    execs_forget(&rig.table);
    for (int i = 0; i < 500 && (rig.table.count > 0 || rig.cgroups.removing > 0); i++)
        rig_turn();
    if (rig.table.count > 0 || rig.pool.in_use > 0) {
        fprintf(stderr, "left behind: %u processes, %u segments\n", rig.table.count, rig.pool.in_use);
        abort();
    }
    reaper_destroy(&rig.table.reaper);
    execs_forget(&rig.table);
    tickets_clear(&rig.table.tickets);
    lowfds_destroy(&rig.low);
    close(rig.table.around.null_fd);
    cgroups_destroy(&rig.cgroups);
    settings_destroy(&rig.settings);
    jobs_destroy(rig.spawners);
    jobs_destroy(rig.workers);
    seg_pool_destroy(&rig.pool);
    loop_destroy(&rig.loop);
}

/* Of a test without cgroups. */
UNUSED static int rig_setup(void **state)
{
    (void)state;
    exec_rig_init(false);
    return 0;
}

UNUSED static int rig_teardown(void **state)
{
    (void)state;
    exec_rig_destroy();
    return 0;
}

/* Starts it; the caller waits. */
static void begin_spec(struct reader *r, const struct exec_spec *view)
{
    struct err e;

    memset(r, 0, sizeof *r);
    if (exec_start(&rig.table, exec_spec_copy(view), rig.settings.env, &r->sub, &reader_events, &e) < 0) {
        r->failed = true;
        r->error = e;
    }
}

static void begin_shell(struct reader *r, const char *script)
{
    const char *args[] = {"-c", script};

    begin_spec(r, &(struct exec_spec){.cmd = "/bin/sh", .args = args, .arg_count = 2});
}

/* Runs a shell script to its end. */
UNUSED static void shell(struct reader *r, const char *script)
{
    begin_shell(r, script);
    RUN_UNTIL(r, r->ended || r->failed, 10000);
}

#endif
