/* Several files at once: each over a connection that is free, and one that fails does not keep the others. */
#include "test.h"

#include "files_rig.h"

#include "ctl/pool.h"

static struct pool pool;

static void files_follow_one_another_on_one_connection(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        agent_http(200, "", i == 0 ? "one" : "two", 3);
        on_the_same();
    }
    agent_start();
    pool_init(&pool, &ours, "cp");
    assert_int_equal(pool_down(&pool, &(struct transfer_file){.here = in_here("1"), .there = "/1"}), 0);
    assert_int_equal(pool_finish(&pool), 0);
    assert_int_equal(pool_down(&pool, &(struct transfer_file){.here = in_here("2"), .there = "/2"}), 0);
    assert_int_equal(pool_finish(&pool), 0);
    assert_int_equal(pool.code, 0);
    assert_int_equal(pool.progress.files, 2);
    assert_int_equal(pool.progress.bytes, 6);
    pool_close(&pool);
    assert_string_equal(read_here("1"), "one");
    assert_string_equal(read_here("2"), "two");
    unlink(in_here("1"));
    unlink(in_here("2"));
}

static void one_that_fails_is_told(void **state)
{
    struct capture c;

    (void)state;
    agent_http(404, "", "{\"message\":\"none\"}", 18);
    agent_http(200, "", "two", 3);
    on_the_same();
    agent_start();
    capture_begin(&c);
    pool_init(&pool, &ours, "cp");
    assert_int_equal(pool_down(&pool, &(struct transfer_file){.here = in_here("1"), .there = "/1"}), 0);
    assert_int_equal(pool_finish(&pool), 0);
    assert_int_equal(pool_down(&pool, &(struct transfer_file){.here = in_here("2"), .there = "/2"}), 0);
    assert_int_equal(pool_finish(&pool), 0);
    pool_close(&pool);
    capture_end(&c);
    assert_int_equal(pool.code, CTL_REFUSED);
    assert_string_equal(said, "guestctl: cp '/1': none\n");
    assert_string_equal(read_here("2"), "two");
    unlink(in_here("2"));
}

static void without_a_connection_it_is_no_use(void **state)
{
    struct capture c;
    struct err e;

    (void)state;
    assert_int_equal(target_parse(&ours.target, "unix:/no/such", &e), 0);
    capture_begin(&c);
    pool_init(&pool, &ours, "cp");
    assert_int_equal(pool_down(&pool, &(struct transfer_file){.here = in_here("1"), .there = "/1"}), -1);
    pool_close(&pool);
    capture_end(&c);
    assert_int_equal(pool.code, CTL_FAILED);
    assert_non_null(strstr(said, "no such socket"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(files_follow_one_another_on_one_connection),
        T(one_that_fails_is_told),
        T(without_a_connection_it_is_no_use),
    };

    return RUN(tests);
}
