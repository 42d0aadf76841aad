/* Watchers that are asked, over the wire: their life, and what a call gets that comes too late. What they tell is tested against
 * the kernel (tests/system/test_watch.py). */
#include "test.h"

#include "files_rig.h"

#include <semaphore.h>

/* Asks, and waits for the answer, which is valid until the next one. */
static const char *told(const char *method, const char *json)
{
    char name[64];

    snprintf(name, sizeof name, "filesystem.Filesystem/%s", method);
    return answer(ask(name, json));
}

/* The id of a new watcher of the directory, as a request's body. */
static const char *create(void)
{
    static char body[64];
    const char *id = strstr(told("CreateWatcher", "{\"path\":\"@\"}"), "{\"watcherId\":\"w");

    assert_non_null(id);
    snprintf(body, sizeof body, "%s", id);
    assert_int_equal(strlen(body), strlen("{\"watcherId\":\"\"}") + 21);
    return body;
}

static void lives_until_it_is_removed(void **state)
{
    const char *watcher = create();

    (void)state;
    assert_non_null(strstr(told("GetWatcherEvents", watcher), "200 OK"));
    assert_int_equal(files.watch.watches.count, 1);
    assert_non_null(strstr(told("RemoveWatcher", watcher), "200 OK"));
    assert_int_equal(files.watch.watches.count, 0);
    assert_non_null(strstr(told("RemoveWatcher", watcher), "not_found"));
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
    assert_non_null(strstr(told("GetWatcherEvents", watcher), "not_found"));
    files.watch.idle.seconds = 1800.;
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
    static struct job busy[WORKER_THREADS];
    struct err e;
    int fd;

    (void)state;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    for (size_t i = 0; i < WORKER_THREADS; i++) {
        busy[i] = (struct job){.run = wait_at_gate, .done = leave_gate};
        assert_int_equal(jobs_submit(workers, &busy[i], &e), 0);
    }
    fd = ask("filesystem.Filesystem/CreateWatcher", "{\"path\":\"@\"}");
    for (int i = 0; i < 100 && files.watch.watches.count == 0; i++)
        rig_turns(&rig, 1);
    assert_int_equal(files.watch.watches.count, 1);
    close(fd);
    for (int i = 0; i < 100 && files.watch.watches.count > 0; i++)
        rig_turns(&rig, 1);
    assert_int_equal(files.watch.watches.count, 0);
    assert_true(TAILQ_EMPTY(&files.watch.polled));
    for (size_t i = 0; i < WORKER_THREADS; i++)
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
        cmocka_unit_test(lives_until_it_is_removed),
        cmocka_unit_test(goes_when_nobody_asks),
        cmocka_unit_test(goes_with_the_call_that_makes_it),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
