/* Watchers that are asked, over the wire: their life, and what a call gets that comes too late. What they tell is tested against
 * the kernel (tests/system/test_watch.py). */
#include "test.h"

#include "core/log.h"
#include "files/files.h"
#include "rig.h"

#include <semaphore.h>

static struct rig rig;
static struct rpc rpc;
static struct settings settings;
static struct files files;
static struct jobs *workers;
static char got[4096];

static int setup(void **state)
{
    struct err e;

    (void)state;
    log_init(LOG_ERROR, LOG_TEXT, false);
    rig_start(&rig);
    rpc_init(&rpc, &rig.http, &rig.loop, &rig.pool);
    workers = jobs_new(&rig.loop, &(struct jobs_config){"worker", 1, 0, 16});
    if (!workers || settings_init(&settings, "0", &e) < 0)
        return -1;
    return files_init(&files, &rpc, &settings, workers, false);
}

static int teardown(void **state)
{
    struct conn *c;

    (void)state;
    TAILQ_FOREACH (c, &rig.net.conns, link)
        conn_abort(c, CLOSE_SHUTDOWN);
    rig_turns(&rig, 5);
    fs_workers_destroy(&files.workers);
    jobs_destroy(workers);
    watches_destroy(&files.watch.watches);
    tickets_clear(&files.watch.waiting);
    settings_destroy(&settings);
    rig_stop(&rig);
    rpc_destroy(&rpc);
    return 0;
}

/* Asks, and waits for the answer, which is in `got`. */
static void ask(const char *method, const char *json)
{
    char request[512];
    int fd = rig_connect(&rig);

    snprintf(request, sizeof request,
             "POST /filesystem.Filesystem/%s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             method, strlen(json), json);
    rig_send(&rig, fd, request, strlen(request));
    for (int i = 0; i < 5000 && rig_recv(&rig, fd, got, sizeof got, NULL) == 0; i++)
        usleep(1000);
    close(fd);
    rig_turns(&rig, 4);
}

/* The id of a new watcher of /tmp, as a request's body. */
static const char *create(void)
{
    static char body[64];
    const char *id;

    ask("CreateWatcher", "{\"path\":\"/tmp\"}");
    id = strstr(got, "{\"watcherId\":\"w");
    assert_non_null(id);
    snprintf(body, sizeof body, "%s", id);
    assert_int_equal(strlen(body), strlen("{\"watcherId\":\"\"}") + 21);
    return body;
}

static void lives_until_it_is_removed(void **state)
{
    const char *watcher = create();

    (void)state;
    ask("GetWatcherEvents", watcher);
    assert_non_null(strstr(got, "200 OK"));
    assert_int_equal(files.watch.watches.count, 1);
    ask("RemoveWatcher", watcher);
    assert_non_null(strstr(got, "200 OK"));
    assert_int_equal(files.watch.watches.count, 0);
    ask("RemoveWatcher", watcher);
    assert_non_null(strstr(got, "not_found"));
    assert_false(ev_is_active(&files.watch.idle.timer)); /* nothing is left that would wake an idle agent */
}

static void goes_when_nobody_asks(void **state)
{
    const char *watcher;

    (void)state;
    assert_true(files.watch.idle.seconds == 1800.);
    files.watch.idle.seconds = 0.2;
    watcher = create();
    for (int i = 0; i < 5000 && files.watch.watches.count > 0; i++) {
        usleep(1000);
        rig_turns(&rig, 1);
    }
    assert_int_equal(files.watch.watches.count, 0);
    ask("GetWatcherEvents", watcher);
    assert_non_null(strstr(got, "not_found"));
}

static sem_t gate;

static void wait_at_gate(struct job *j)
{
    (void)j;
    while (sem_wait(&gate) < 0)
        ;
}

static void leave_gate(struct job *j)
{
    (void)j;
}

/* Its client goes before a worker comes to it: nobody knows its id. */
static void goes_with_the_call_that_makes_it(void **state)
{
    static const char request[] =
        "POST /filesystem.Filesystem/CreateWatcher HTTP/1.1\r\nHost: a\r\n"
        "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"path\":\"/tmp\"}";
    static struct job busy = {.run = wait_at_gate, .done = leave_gate};
    int fd = rig_connect(&rig);
    struct err e;

    (void)state;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    assert_int_equal(jobs_submit(workers, &busy, &e), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    for (int i = 0; i < 100 && files.watch.watches.count == 0; i++)
        rig_turns(&rig, 1);
    assert_int_equal(files.watch.watches.count, 1);
    close(fd);
    for (int i = 0; i < 100 && files.watch.watches.count > 0; i++)
        rig_turns(&rig, 1);
    assert_int_equal(files.watch.watches.count, 0);
    assert_true(TAILQ_EMPTY(&files.watch.polled));
    sem_post(&gate);
    for (int i = 0; i < 5000 && files.watch.watches.in_flight > 0; i++) {
        usleep(1000);
        rig_turns(&rig, 1);
    }
    assert_int_equal(files.watch.watches.in_flight, 0);
    sem_destroy(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lives_until_it_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(goes_when_nobody_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(goes_with_the_call_that_makes_it, setup, teardown),
    };

    return RUN(tests);
}
