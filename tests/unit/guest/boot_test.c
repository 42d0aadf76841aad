/* The record of a boot: its phases in order, and as many problems as are kept. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "guest/boot.h"

static void phases_end_one_after_the_other(void **state)
{
    struct boot b;
    uint64_t last;

    (void)state;
    boot_begin(&b);
    last = b.started_ns;
    assert_true(last > 0);
    for (unsigned i = 0; i < BOOT_PHASES_MAX + 2; i++)
        boot_phase(&b, i == 0 ? "mounts" : "more");
    assert_int_equal(b.phase_count, BOOT_PHASES_MAX);
    assert_string_equal(b.phases[0].name, "mounts");
    for (unsigned i = 0; i < b.phase_count; i++) {
        assert_true(b.phases[i].ended_ns >= last);
        last = b.phases[i].ended_ns;
    }
}

static void problems_are_told_and_kept(void **state)
{
    struct boot b;
    int says[2], before = dup(STDERR_FILENO);
    char text[64] = "";

    (void)state;
    boot_begin(&b);
    assert_int_equal(pipe(says), 0);
    dup2(says[1], STDERR_FILENO);
    boot_problem(&b, "mount %s: %d", "/x", 7);
    dup2(before, STDERR_FILENO);
    assert_true(read(says[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "guestd: mount /x: 7\n");
    assert_string_equal(b.problems[0], "mount /x: 7");
    for (unsigned i = 0; i < BOOT_PROBLEMS_MAX + 3; i++)
        boot_problem(&b, "problem %u", i);
    assert_int_equal(b.problem_count, BOOT_PROBLEMS_MAX);
    assert_int_equal(b.problems_lost, 4);
    boot_clear(&b);
    close(says[0]);
    close(says[1]);
    close(before);
}

static unsigned finished;

static void finish(struct boot *b, void *arg)
{
    assert_ptr_equal(arg, &finished);
    finished++;
    boot_finish(b); /* what it does may ask for the same */
}

static void the_rest_is_done_once(void **state)
{
    struct boot b;

    (void)state;
    boot_begin(&b);
    boot_finish(&b);
    b.rest = finish;
    b.rest_arg = &finished;
    boot_finish(&b);
    assert_int_equal(finished, 1);
    boot_finish(&b);
    assert_int_equal(finished, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_end_one_after_the_other),
        cmocka_unit_test(problems_are_told_and_kept),
        cmocka_unit_test(the_rest_is_done_once),
    };

    return RUN(tests);
}
