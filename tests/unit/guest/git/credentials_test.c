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

static void reads_keys(void **state)
{
    static const char key[] = "-----BEGIN X-----\nk3y";
    struct git_credentials c = {0};
    struct git_lent l;
    struct err e;
    char text[64] = "", ssh[32];

    (void)state;
    assert_int_equal(git_credentials_set_ssh(&c, BYTES_LIT("k3y"), (struct bytes){0}, false, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(git_credentials_set_ssh(&c, BYTES_LIT("-----BEGIN \0"), (struct bytes){0}, false, &e),
                     -1);
    assert_int_equal(git_credentials_set_ssh(&c, bytes_of(key), BYTES_LIT("h \0"), false, &e), -1);
    assert_int_equal(git_credentials_set_ssh(&c, bytes_of(key), BYTES_LIT("h ssh-x AAAA\n"), false, &e), 0);
    assert_int_equal(git_credentials_lend(&c, getuid(), getgid(), &l, &e), 0);
    assert_int_equal(l.fd_count, 2);
    assert_int_equal(l.var_count, 1);
    assert_string_equal(l.vars[0].name, "GIT_SSH_COMMAND");
    assert_null(strstr(l.ssh, "k3y"));
    snprintf(ssh, sizeof ssh, "-i /proc/$PPID/fd/%d ", l.fds[0]);
    assert_non_null(strstr(l.ssh, ssh));
    assert_non_null(strstr(l.ssh, "StrictHostKeyChecking=yes"));
    snprintf(ssh, sizeof ssh, "/proc/$PPID/fd/%d\"", l.fds[1]);
    assert_string_equal(l.ssh + strlen(l.ssh) - strlen(ssh), ssh); /* nothing is cut off */
    assert_true(pread(l.fds[0], text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, "-----BEGIN X-----\nk3y\n");
    memset(text, 0, sizeof text);
    assert_true(pread(l.fds[1], text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, "h ssh-x AAAA\n");
    git_lent_clear(&l);
    assert_int_equal(git_credentials_set_ssh(&c, bytes_of(key), (struct bytes){0}, true, &e), 0);
    assert_int_equal(git_credentials_lend(&c, getuid(), getgid(), &l, &e), 0);
    assert_int_equal(l.fd_count, 1);
    assert_non_null(strstr(l.ssh, "StrictHostKeyChecking=accept-new"));
    git_lent_clear(&l);
    git_credentials_clear(&c);
}

static void hides(void **state)
{
    struct git_credentials c = {0};
    char text[] = "t0k3nt0k3n: t0k3n", untouched[] = "x";
    struct err e;

    (void)state;
    git_credentials_hide(&c, untouched);
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BASIC, "a", "", &e), 0);
    git_credentials_hide(&c, untouched);
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BASIC, "a", "x", &e), 0);
    git_credentials_hide(&c, untouched);
    assert_string_equal(untouched, "x");
    assert_int_equal(git_credentials_set(&c, GIT_CREDENTIALS_BASIC, "a", "t0k3n", &e), 0);
    git_credentials_hide(&c, text);
    assert_string_equal(text, "**********: *****");
    git_credentials_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters), cmocka_unit_test(aims),       cmocka_unit_test(lends_nothing_to_nobody),
        cmocka_unit_test(lends),      cmocka_unit_test(reads_keys), cmocka_unit_test(hides)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
