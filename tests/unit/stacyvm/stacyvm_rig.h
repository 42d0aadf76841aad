/* The agent of StacyVM on a unix socket, with real workers and processes, driven from the test itself. */
#ifndef TESTS_UNIT_STACYVM_RIG_H
#define TESTS_UNIT_STACYVM_RIG_H

#include "core/clock.h"
#include "core/log.h"
#include "rig.h"
#include "stacyvm/internal.h"
#include "test.h"

static struct rig rig;
static struct jobs *spawners, *workers;
static struct cgroups cgroups;
static struct settings settings;
static struct execs execs;
static struct fs_workers fs_workers;
static struct stacyvm service;
static unsigned shutdowns;

/* Turns with real time passing, until the condition holds. */
#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        uint64_t end_ = clock_mono_ms() + 20000;                                                             \
        while (!(condition)) {                                                                               \
            if (clock_mono_ms() > end_)                                                                      \
                fail_msg("did not come: %s", #condition);                                                    \
            usleep(200);                                                                                     \
            rig_turns(&rig, 1);                                                                              \
        }                                                                                                    \
    } while (0)

static void note_shutdown(void)
{
    shutdowns++;
}

static int setup(void **state)
{
    struct spawn_surroundings around = {.cgroups = &cgroups, .uid = geteuid()};
    struct err e;

    (void)state;
    log_init(LOG_ERROR, LOG_TEXT, false);
    rig_start_with(&rig, &stacyvm_protocol, 100, 4 * MIB);
    rig.listener.protocol_arg = &service;
    spawners = jobs_new(&rig.loop, &(struct jobs_config){"spawn", SPAWN_THREADS, 0, SPAWN_QUEUE_MAX});
    workers = jobs_new(&rig.loop, &(struct jobs_config){"worker", WORKER_THREADS, 4, WORKER_QUEUE_MAX});
    cgroups_init(&cgroups, &rig.loop, workers, false, NULL, false);
    around.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (settings_init(&settings, NULL, &e) < 0 ||
        execs_init(&execs, &rig.loop, &rig.pool, spawners, &cgroups, &around, MIB, &e) < 0)
        return -1;
    fs_workers_init(&fs_workers, &rig.loop, workers);
    stacyvm_init(&service, &execs, &fs_workers, &settings, 60000, note_shutdown);
    shutdowns = 0;
    return 0;
}

static int teardown(void **state)
{
    struct conn *c;
    struct exec *x;

    (void)state;
    TAILQ_FOREACH (c, &rig.net.conns, link)
        conn_abort(c, CLOSE_SHUTDOWN);
    rig_turns(&rig, 3);
    TAILQ_FOREACH (x, &execs.live, link)
        if (x->state == EXEC_RUNNING)
            exec_signal(x, SIGKILL, EXEC_TARGET_DEFAULT, 0, NULL);
    TURN_UNTIL(TAILQ_EMPTY(&execs.live));
    execs_forget(&execs);
    TURN_UNTIL(execs.count == 0);
    reaper_destroy(&execs.reaper);
    tickets_clear(&execs.tickets);
    close(execs.around.null_fd);
    cgroups_destroy(&cgroups);
    settings_destroy(&settings);
    jobs_destroy(spawners);
    jobs_destroy(workers);
    fs_workers_destroy(&fs_workers);
    stacyvm_destroy(&service);
    rig_stop(&rig);
    return service.output == 0 ? 0 : -1;
}

#endif
