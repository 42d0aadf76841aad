#include "guest/git/queue.h"

#include "core/limits.h"
#include "test.h"

static struct loop loop;
static struct git_queue queue;
static int order[GIT_QUEUE_MAX + 8], count;

struct waiter {
    struct git_turn turn;
    int number;
};

static void come(struct git_turn *t)
{
    order[count++] = CONTAINER_OF(t, struct waiter, turn)->number;
}

static void enter(struct waiter *w, int number, ino_t ino)
{
    struct err e;

    *w = (struct waiter){.turn = {.key = {1, ino}, .come = come}, .number = number};
    assert_int_equal(git_queue_enter(&queue, &w->turn, &e), 0);
}

static void turn(void)
{
    ev_run(loop.ev, EVRUN_NOWAIT);
    ev_run(loop.ev, EVRUN_NOWAIT);
}

static void one_after_the_other(void **state)
{
    struct waiter a, b, c, other;

    (void)state;
    count = 0;
    enter(&a, 1, 7);
    enter(&b, 2, 7);
    enter(&other, 3, 8); /* has nothing to do with them */
    enter(&c, 4, 7);
    assert_int_equal(count, 0); /* not from inside */
    turn();
    assert_int_equal(count, 2);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 3);
    git_queue_leave(&queue, &b.turn); /* gives up: nobody's turn comes by that */
    turn();
    assert_int_equal(count, 2);
    git_queue_leave(&queue, &a.turn);
    turn();
    assert_int_equal(count, 3);
    assert_int_equal(order[2], 4);
    git_queue_leave(&queue, &c.turn);
    git_queue_leave(&queue, &c.turn);
    git_queue_leave(&queue, &other.turn);
    turn();
    assert_int_equal(count, 3);
}

static void not_too_many(void **state)
{
    static struct waiter waiters[GIT_QUEUE_MAX + 1];
    struct waiter more = {.turn = {.key = {1, 7}, .come = come}};
    struct err e;

    (void)state;
    count = 0;
    for (int i = 0; i <= GIT_QUEUE_MAX; i++)
        enter(&waiters[i], i, 7);
    assert_int_equal(git_queue_enter(&queue, &more.turn, &e), -1);
    assert_int_equal(e.status, STATUS_UNAVAILABLE);
    for (int i = 0; i <= GIT_QUEUE_MAX; i++) {
        turn();
        git_queue_leave(&queue, &waiters[i].turn);
    }
    assert_int_equal(count, GIT_QUEUE_MAX + 1);
    assert_int_equal(order[GIT_QUEUE_MAX], GIT_QUEUE_MAX);
}

static int setup(void **state)
{
    (void)state;
    if (loop_init(&loop) < 0)
        return -1;
    git_queue_init(&queue, &loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_destroy(&loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_after_the_other), cmocka_unit_test(not_too_many)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
