#include "core/signame.h"

#include <signal.h>

#include "test.h"

static void both_ways(void **state)
{
    char text[SIGNAME_MAX];

    (void)state;
    for (int signo = 1; signo <= 64; signo++) {
        signame_text(signo, text);
        assert_int_equal(signame_number(bytes_of(text)), signo);
    }
    signame_text(SIGKILL, text);
    assert_string_equal(text, "killed");
    signame_text(34, text);
    assert_string_equal(text, "signal 34");
    signame_text(-5, text);
    assert_string_equal(text, "signal -5");
    for (const char *bad[] = {"", "kill", "signal ", "signal x", "signal 123", "signal -1"}, **b = bad;
         b < bad + 6; b++)
        assert_int_equal(signame_number(bytes_of(*b)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_ways)};

    return RUN(tests);
}
