#include "core/signals.h"

#include <signal.h>

#include "test.h"

/* One test: the answer is kept. */
static void what_is_ignored_at_the_first_question(void **state)
{
    (void)state;
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    assert_true(signals_ignored() >> (SIGHUP - 1) & 1);
    assert_true(signals_ignored() >> (SIGUSR2 - 1) & 1);
    assert_false(signals_ignored() >> (SIGTERM - 1) & 1);
    signal(SIGHUP, SIG_DFL);
    assert_true(signals_ignored() >> (SIGHUP - 1) & 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_ignored_at_the_first_question)};

    return RUN(tests);
}
