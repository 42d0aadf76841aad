#include "askpass.h"

#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

/* What is not a question for a socket that somebody answers on has no answer. The other side: guest/git/asker_test.c. */
static void nobody_answers(void **state)
{
    static const char *const how[] = {"",           "askpass",          "askpass:", "askpass:x",
                                      "askpass:1x", "askpass:99999999", "ssh:3",    "askpass:-1"};
    char *argv[] = {"guestd", "Password for 'https://h': ", NULL};
    char variable[] = "askpass:0";
    int pair[2];

    (void)state;
    for (size_t i = 0; i < sizeof how / sizeof how[0]; i++)
        assert_int_equal(askpass_main(how[i], 2, argv), 1);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_true(pair[1] < 10);
    variable[8] = (char)('0' + pair[1]);
    close(pair[0]);
    assert_int_equal(askpass_main(variable, 2, argv), 1);
    assert_int_equal(askpass_main(variable, 1, argv), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_answers)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
