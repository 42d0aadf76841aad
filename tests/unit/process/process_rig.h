/* The process service on a unix socket, with real processes: what the tests of process/ talk to. */
#ifndef TESTS_UNIT_PROCESS_RIG_H
#define TESTS_UNIT_PROCESS_RIG_H

#include <signal.h>

#include <linux/close_range.h>

#include "core/clock.h"
#include "core/log.h"
#include "process/process_service.h"
#include "rig.h"
#include "rpc/codec/codec.h"
#include "rpc/envelope.h"

static struct rig rig;
static struct rpc rpc;
static struct jobs *spawners, *workers;
static struct cgroups cgroups;
static struct settings settings;
static struct execs execs;
static struct process_service service;

/* --- a process that waits -------------------------------------------------------------------- */

static char gate[64]; /* a file; a script may wait until it is there */

/* The script, with "@" replaced by a wait for the gate. Valid until the next call. */
UNUSED static const char *gated(const char *script)
{
    static char text[512];
    const char *at = strchr(script, '@');

    snprintf(gate, sizeof gate, "/tmp/guestd-gate-%d", getpid());
    unlink(gate);
    snprintf(text, sizeof text, "%.*swhile ! test -e %s; do sleep .02; done%s", (int)(at - script), script,
             gate, at + 1);
    return text;
}

UNUSED static void open_gate(void)
{
    close(open(gate, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

/* --- the agent ------------------------------------------------------------------------------- */

static int setup(void **state)
{
    struct spawn_surroundings around = {.cgroups = &cgroups, .uid = geteuid()};
    sigset_t pipe;
    struct err e;

    (void)state;
    log_init(LOG_ERROR, LOG_TEXT, false);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigprocmask(SIG_BLOCK, &pipe, NULL);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    rig_start(&rig);
    rpc_init(&rpc, &rig.http, &rig.loop, &rig.pool);
    spawners = jobs_new(&rig.loop, &(struct jobs_config){"spawn", SPAWN_THREADS, 0, SPAWN_QUEUE_MAX});
    workers = jobs_new(&rig.loop, &(struct jobs_config){"worker", WORKER_THREADS, 4, WORKER_QUEUE_MAX});
    cgroups_init(&cgroups, &rig.loop, workers, false, NULL, false);
    around.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (settings_init(&settings, NULL, &e) < 0 ||
        execs_init(&execs, &rig.loop, &rig.pool, spawners, &cgroups, &around, MIB, &e) < 0)
        return -1;
    return process_service_init(&service, &rpc, &execs, &settings);
}

/* Turns with real time passing, until the condition holds. */
#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        uint64_t end_ = clock_mono_ms() + 10000;                                                             \
        while (!(condition)) {                                                                               \
            if (clock_mono_ms() > end_)                                                                      \
                fail_msg("did not come: %s", #condition);                                                    \
            usleep(500);                                                                                     \
            rig_turns(&rig, 1);                                                                              \
        }                                                                                                    \
    } while (0)

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
    unlink(gate);
    reaper_destroy(&execs.reaper);
    tickets_clear(&execs.tickets);
    close(execs.around.null_fd);
    cgroups_destroy(&cgroups);
    settings_destroy(&settings);
    jobs_destroy(spawners);
    jobs_destroy(workers);
    rig_stop(&rig);
    return rpc.calls == 0 ? 0 : -1;
}

/* --- a call ---------------------------------------------------------------------------------- */

struct talk {
    int fd;
    size_t len;
    bool ended;
    char got[1 << 18]; /* all that came, NUL-terminated */
};

/* Takes what has come. */
static void hear(struct talk *t)
{
    if (t->len < sizeof t->got - 1)
        t->len += rig_recv(&rig, t->fd, t->got + t->len, sizeof t->got - t->len, &t->ended);
}

/* Sends a head and the first bytes of a body of `length`; the rest may follow on t->fd. The method is one of process.Process,
 * or has its service before a slash. */
static void ask_part(struct talk *t, const char *method, const char *type, const char *headers, size_t length,
                     const void *body, size_t n)
{
    char head[512];

    t->len = 0;
    t->ended = false;
    t->got[0] = 0;
    t->fd = rig_connect(&rig);
    snprintf(
        head, sizeof head,
        "POST /%s%s HTTP/1.1\r\nHost: a\r\nContent-Type: application/%s\r\n%sContent-Length: %zu\r\n\r\n",
        strchr(method, '/') ? "" : "process.Process/", method, type, headers, length);
    rig_send(&rig, t->fd, head, strlen(head));
    rig_send(&rig, t->fd, body, n);
}

/* A unary call in JSON. */
UNUSED static void ask(struct talk *t, const char *method, const char *json)
{
    ask_part(t, method, "json", "", strlen(json), json, strlen(json));
}

/* One enveloped message. Returns its length. */
static size_t wrapped(char *out, const char *json)
{
    envelope_encode(0, (uint32_t)strlen(json), (uint8_t *)out);
    memcpy(out + ENVELOPE_SIZE, json, strlen(json));
    return ENVELOPE_SIZE + strlen(json);
}

/* A server stream's call in JSON. */
UNUSED static void ask_stream(struct talk *t, const char *method, const char *headers, const char *json)
{
    static char body[1 << 17];
    size_t n = wrapped(body, json);

    ask_part(t, method, "connect+json", headers, n, body, n);
}

/* Whether the text has come, in what is not binary of the answer. */
static bool has(struct talk *t, const char *text)
{
    hear(t);
    return memmem(t->got, t->len, text, strlen(text)) != NULL;
}

#define HEAR(t, text) TURN_UNTIL(has(t, text))

UNUSED static void hang_up(struct talk *t)
{
    close(t->fd);
    rig_turns(&rig, 4);
}

#endif
