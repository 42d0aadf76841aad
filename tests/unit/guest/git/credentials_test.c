#include "guest/git/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "test.h"

static void characters(void **state)
{
    struct git_credentials c = {0};
    struct err e;

    (void)state;
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BASIC, "a", "p\n", &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BEARER, "", "a\"b", &e), -1);
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BEARER, "", "a b", &e), -1);
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BASIC, "a", "p \"\\", &e), 0);
    git_credentials_clear(&c);
    assert_null(c.secret);
}

static void aims(void **state)
{
    struct git_credentials c = {0};
    struct git_url u;
    struct err e;

    (void)state;
    assert_int_equal(git_url_parse(BYTES_LIT("https://ann:one@h/x"), &u, &e), 0);
    assert_int_equal(git_credentials_aim(&c, &u, &e), 0);
    assert_int_equal(c.kind, GIT_CREDENTIALS_BASIC);
    assert_string_equal(c.username, "ann");
    assert_string_equal(c.secret, "one");
    assert_string_equal(c.origin, "https://h");
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BEARER, "", "two", &e), 0);
    assert_int_equal(git_credentials_aim(&c, &u, &e), 0); /* the request's go before the URL's */
    assert_string_equal(c.secret, "two");
    git_url_clear(&u);
    assert_int_equal(git_url_parse(BYTES_LIT("/path"), &u, &e), 0);
    assert_int_equal(git_credentials_aim(&c, &u, &e), 0);
    assert_null(c.origin);
    git_url_clear(&u);
    git_credentials_clear(&c);
}

static void lends_nothing_to_nobody(void **state)
{
    struct git_credentials c = {0};
    struct git_lent l;
    struct err e;

    (void)state;
    assert_int_equal(git_credentials_lend(&c, 0, 0, &l, &e), 0);
    assert_int_equal(l.fd_count + l.var_count + l.arg_count, 0);
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BASIC, "a", "b", &e), 0);
    assert_int_equal(git_credentials_lend(&c, 0, 0, &l, &e), 0); /* there is no origin */
    assert_int_equal(l.fd_count + l.var_count + l.arg_count, 0);
    git_credentials_clear(&c);
}

static void lends(void **state)
{
    struct git_credentials c = {0};
    struct git_lent l;
    struct stat st;
    struct err e;
    char text[128] = "";

    (void)state;
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BEARER, "", "t0k3n", &e), 0);
    c.origin = strdup("https://h");
    assert_int_equal(git_credentials_lend(&c, getuid(), getgid(), &l, &e), 0);
    assert_int_equal(l.fd_count, 1);
    assert_int_equal(fstat(l.fds[0], &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_true(pread(l.fds[0], text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, "[http \"https://h\"]\n\textraHeader = \"Authorization: Bearer t0k3n\"\n");
    assert_int_equal(pwrite(l.fds[0], "x", 1, 0), -1);
    for (size_t i = 0; i < l.arg_count; i++)
        assert_null(strstr(l.args[i], "t0k3n"));
    git_lent_clear(&l);
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BASIC, "a", "t0k3n", &e), 0);
    c.origin = strdup("https://h");
    assert_int_equal(git_credentials_lend(&c, 0, 0, &l, &e), 0);
    assert_int_equal(l.fd_count, 2);
    assert_true(l.socket >= 0);
    for (size_t i = 0; i < l.var_count; i++)
        assert_null(strstr(l.vars[i].value, "t0k3n"));
    git_lent_clear(&l);
    assert_int_equal(l.socket, -1);
    git_credentials_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(characters), cmocka_unit_test(aims),
                                       cmocka_unit_test(lends_nothing_to_nobody), cmocka_unit_test(lends)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
