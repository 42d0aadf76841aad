#include "core/loop.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

static struct loop l;
static char order[64];

struct named {
    struct task task;
    char name;
    struct task *then; /* deferred by run */
    struct task *kill; /* cancelled by run */
};

static void note(struct task *t)
{
    struct named *n = CONTAINER_OF(t, struct named, task);
    size_t len = strlen(order);

    order[len] = n->name;
    order[len + 1] = 0;
    if (n->then)
        loop_defer(&l, n->then);
    if (n->kill)
        loop_cancel(&l, n->kill);
}

static void turn(void)
{
    ev_run(l.ev, EVRUN_NOWAIT);
}

static void tasks_run_once_in_order(void **state)
{
    struct named a = {{.run = note}, 'a', NULL, NULL}, b = {{.run = note}, 'b', NULL, NULL};

    (void)state;
    order[0] = 0;
    loop_defer(&l, &a.task);
    loop_defer(&l, &b.task);
    loop_defer(&l, &a.task);
    turn();
    turn();
    assert_string_equal(order, "ab");
}

static void a_task_may_cancel_another(void **state)
{
    struct named b = {{.run = note}, 'b', NULL, NULL}, a = {{.run = note}, 'a', NULL, &b.task};

    (void)state;
    order[0] = 0;
    loop_defer(&l, &a.task);
    loop_defer(&l, &b.task);
    turn();
    assert_string_equal(order, "a");
    assert_false(b.task.queued);
}

/* A task that queues itself for ever runs a few times a turn: descriptors get theirs in between. */
static void endless_tasks_do_not_starve(void **state)
{
    struct named a = {{.run = note}, 'a', NULL, NULL};

    (void)state;
    a.then = &a.task;
    order[0] = 0;
    loop_defer(&l, &a.task);
    turn();
    assert_true(strlen(order) >= 1 && strlen(order) <= 8);
    a.then = NULL;
    turn();
    turn();
    assert_false(a.task.queued);
}

static int reads;

static void on_read(struct ev_loop *ev, ev_io *w, int revents)
{
    (void)ev;
    (void)w;
    (void)revents;
    reads++;
}

/* While another descriptor of the same socket is open elsewhere (a child between clone and exec), a plain
 * close would leave it in epoll and libev would rebuild its epoll instance. */
static void closing_leaves_nothing_in_epoll(void **state)
{
    int pair[2], copy, closed, again;
    ev_io w;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ev_io_init(&w, on_read, pair[0], EV_READ);
    loop_watch(&l, &w, EV_READ);
    turn();
    copy = dup(pair[0]);
    closed = pair[0];
    loop_watch(&l, &w, 0);
    loop_close_fd(&l, &pair[0]);
    assert_int_equal(pair[0], -1);
    assert_int_equal(write(pair[1], "x", 1), 1);
    again = open("/dev/null", O_RDONLY); /* the number is used anew */
    assert_int_equal(again, closed);
    reads = 0;
    turn();
    assert_int_equal(reads, 0);
    assert_int_equal(fcntl(l.epoll_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(again);
    close(copy);
    close(pair[1]);
}

static void watch_changes_events(void **state)
{
    int pair[2];
    ev_io w;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ev_io_init(&w, on_read, pair[0], EV_READ);
    reads = 0;
    loop_watch(&l, &w, EV_READ);
    turn();
    assert_int_equal(reads, 0);
    loop_watch(&l, &w, EV_WRITE);
    turn();
    assert_int_equal(reads, 1);
    loop_watch(&l, &w, 0);
    turn();
    assert_int_equal(reads, 1);
    loop_close_fd(&l, &pair[0]);
    close(pair[1]);
}

static int setup(void **state)
{
    (void)state;
    return loop_init(&l);
}

static int teardown(void **state)
{
    (void)state;
    loop_destroy(&l);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_once_in_order),     cmocka_unit_test(a_task_may_cancel_another),
        cmocka_unit_test(endless_tasks_do_not_starve), cmocka_unit_test(closing_leaves_nothing_in_epoll),
        cmocka_unit_test(watch_changes_events),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
