#include "guest/git/asker.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
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

/* A packet with the prompt, and a descriptor to answer to. */
static void question(int socket, int answer_to)
{
    static char prompt[] = "Password for 'https://ann@h': ";
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {prompt, sizeof prompt - 1};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof answer_to);
    memcpy(CMSG_DATA(c), &answer_to, sizeof answer_to);
    assert_int_equal(sendmsg(socket, &m, 0), sizeof prompt - 1);
}

/* One that cannot be answered is no refusal. */
static void what_is_short_is_told(void **state)
{
    struct git_asker asker;
    struct rlimit all, none;
    struct loop loop;
    int pair[2], out[2];

    (void)state;
    assert_int_equal(loop_init(&loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) | pipe2(out, O_CLOEXEC), 0);
    git_asker_start(&asker, &loop, pair[0], &credentials);
    question(pair[1], STDIN_FILENO); /* no pipe, or a pipe's other end: somebody's play */
    ev_run(loop.ev, EVRUN_ONCE);
    assert_false(asker.failed);
    question(pair[1], out[1]);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    none = (struct rlimit){(rlim_t)out[1] + 1, all.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    ev_run(loop.ev, EVRUN_ONCE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    assert_true(asker.failed);
    assert_int_equal(asker.error.status, STATUS_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(asker.error.text, "too many open files"));
    git_asker_stop(&asker);
    close(pair[1]);
    close(out[0]);
    close(out[1]);
    loop_destroy(&loop);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_for_the_origin), cmocka_unit_test(both_sides),
                                       cmocka_unit_test(what_is_short_is_told)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
