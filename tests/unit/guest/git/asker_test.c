#include "guest/git/asker.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "askpass.h"
#include "core/limits.h"
#include "test.h"

static struct git_credentials credentials;

static const char *answer(const char *prompt)
{
    const char *answer;
    struct err e;

    assert_int_equal(git_asker_answer(&credentials, bytes_of(prompt), &answer, &e), 0);
    return answer;
}

static void only_for_the_origin(void **state)
{
    (void)state;
    assert_string_equal(answer("Username for 'https://h': "), "ann");
    assert_string_equal(answer("Password for 'https://ann@h': "), "secret");
    assert_string_equal(answer("Password for 'https://ann@H:443/x.git': "), "secret");
    assert_null(answer("Password for 'https://bob@h': "));
    assert_null(answer("Password for 'http://ann@h': "));
    assert_null(answer("Password for 'https://ann@h:8443': "));
    assert_null(answer("Password for 'https://ann@evil/': 'https://ann@h': "));
    assert_null(answer("Password for 'https://ann@h.evil': "));
    assert_null(answer("Password for 'https://evil\\@h': "));
    assert_null(answer("Passphrase for 'https://ann@h': "));
    assert_null(answer("Password for 'https://ann@h'"));
    assert_null(answer("Password for ': "));
    assert_null(answer("'"));
    assert_null(answer(""));
}

/* The whole way: guestd as askpass in a child, the agent's side in a loop here. */
static void ask_for(const char *secret)
{
    static struct loop loop;
    struct git_asker asker = {.fd = -1};
    char variable[32];
    CLEANUP_FREE char *text = calloc(1, GIT_SECRET_MAX + 2);
    size_t got = 0;
    struct err e;
    ssize_t n;
    char *argv[] = {"askpass", "Password for 'https://ann@h': ", NULL};
    int pair[2], out[2];

    assert_non_null(text);
    assert_int_equal(git_credentials_set(&credentials, GIT_CREDENTIALS_BASIC, "ann", secret, &e), 0);
    credentials.origin = strdup("https://h");
    git_asker_stop(&asker);
    assert_int_equal(loop_init(&loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) | pipe(out), 0);
    snprintf(variable, sizeof variable, "askpass:%d", pair[1]);
    if (fork() == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(pair[0]);
        _exit(askpass_main(variable, 2, argv));
    }
    close(pair[1]);
    close(out[1]);
    git_asker_start(&asker, &loop, pair[0], &credentials);
    while (asker.fd >= 0) /* until the child is gone */
        ev_run(loop.ev, EVRUN_ONCE);
    while ((n = read(out[0], text + got, GIT_SECRET_MAX + 1 - got)) > 0)
        got += (size_t)n;
    assert_int_equal(got, strlen(secret) + 1);
    assert_int_equal(text[got - 1], '\n');
    assert_memory_equal(text, secret, got - 1);
    close(out[0]);
    loop_destroy(&loop);
}

static void both_sides(void **state)
{
    static char longest[GIT_SECRET_MAX + 1], longer[GIT_SECRET_MAX + 2];
    struct err e;

    (void)state;
    memset(longest, 's', sizeof longest - 1);
    memset(longer, 's', sizeof longer - 1);
    ask_for("secret");
    ask_for("a+");
    ask_for("");
    ask_for(longest);
    assert_int_equal(git_credentials_set(&credentials, GIT_CREDENTIALS_BASIC, "ann", longer, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
}

static int setup(void **state)
{
    struct err e;

    (void)state;
    return git_credentials_set(&credentials, GIT_CREDENTIALS_BASIC, "ann", "secret", &e) < 0 ||
                   !(credentials.origin = strdup("https://h"))
               ? -1
               : 0;
}

static int teardown(void **state)
{
    (void)state;
    git_credentials_clear(&credentials);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_for_the_origin), cmocka_unit_test(both_sides)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
