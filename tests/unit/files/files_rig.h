/* The services of files on a unix socket, with real workers and a directory of their own. */
#ifndef TESTS_UNIT_FILES_RIG_H
#define TESTS_UNIT_FILES_RIG_H

#include <signal.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "files/files.h"
#include "rig.h"

static struct rig rig;
static struct rpc rpc;
static struct jobs *workers;
static struct settings settings;
static struct files files;
static char dir[] = "/tmp/guestd-files-XXXXXX";

static int setup(void **state)
{
    struct err e;

    (void)state;
    log_init(LOG_ERROR, LOG_TEXT, false);
    rig_start(&rig);
    rpc_init(&rpc, &rig.http, &rig.loop, &rig.pool);
    workers = jobs_new(&rig.loop, &(struct jobs_config){"worker", WORKER_THREADS, 4, WORKER_QUEUE_MAX});
    if (!mkdtemp(dir) || settings_init(&settings, NULL, &e) < 0)
        return -1;
    return files_init(&files, &rpc, &settings, workers, false);
}

static int teardown(void **state)
{
    struct conn *c;

    (void)state;
    TAILQ_FOREACH (c, &rig.net.conns, link)
        conn_abort(c, CLOSE_SHUTDOWN);
    rig_turns(&rig, 3);
    fs_workers_destroy(&files.workers);
    jobs_destroy(workers);
    watches_destroy(&files.watch.watches);
    tickets_clear(&files.watch.waiting);
    tickets_clear(&files.waiting);
    settings_destroy(&settings);
    rig_stop(&rig);
    rmdir(dir);
    return rpc.calls == 0 ? 0 : -1;
}

/* A unary call in JSON, begun: the socket. "@" in the message is the directory. */
UNUSED static int ask(const char *method, const char *json)
{
    char body[512], head[1024];
    size_t n = 0;
    int fd = rig_connect(&rig);

    for (; *json; json++)
        n += (size_t)(*json == '@' ? snprintf(body + n, sizeof body - n, "%s", dir)
                                   : snprintf(body + n, sizeof body - n, "%c", *json));
    snprintf(
        head, sizeof head,
        "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        method, n, body);
    rig_send(&rig, fd, head, strlen(head));
    return fd;
}

/* The answer to a call, head and body; valid until the next one. */
UNUSED static const char *answer(int fd)
{
    static char got[1 << 16];
    uint64_t end = clock_mono_ms() + 10000;
    size_t n = 0;

    while (n == 0 && clock_mono_ms() < end) {
        usleep(500);
        n = rig_recv(&rig, fd, got, sizeof got, NULL);
    }
    close(fd);
    rig_turns(&rig, 4);
    return got;
}

#endif
