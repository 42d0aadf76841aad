/* Credentials come from where they are said to be, and go into the request alone. */
#include "ctl/git_secrets.h"

#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"

static struct err e;

/* A file with that text; the path is valid until the next. */
static const char *put(const char *text)
{
    static char path[64];
    FILE *f;

    snprintf(path, sizeof path, "/tmp/guestd-secret-%d", getpid());
    f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static struct git_request request(void)
{
    struct git_request r = {.arena = {.max = MIB, .secret = true}};

    r.m = arena_array(&r.arena, 1, sizeof(Guest__V1__FetchRequest));
    guest__v1__fetch_request__init((Guest__V1__FetchRequest *)r.m);
    return r;
}

static const Guest__V1__GitCredentials *of(const struct git_request *r)
{
    return ((const Guest__V1__FetchRequest *)r->m)->credentials;
}

static void what_git_credential_writes(void **state)
{
    struct arena a = {.max = MIB};
    const char *username, *password;

    (void)state;
    assert_int_equal(git_secrets_parse(&a, BYTES_LIT("protocol=https\r\nusername=an=n\r\npassword=p w\n\n"),
                                       &username, &password, &e),
                     0);
    assert_string_equal(username, "an=n");
    assert_string_equal(password, "p w");
    assert_int_equal(git_secrets_parse(&a, BYTES_LIT("password=x"), &username, &password, &e), 0);
    assert_null(username);
    assert_string_equal(password, "x");
    assert_int_equal(git_secrets_parse(&a, BYTES_LIT("\n\npassword"), &username, &password, &e), 0);
    assert_null(password);
    arena_clear(&a);
}

static void from_a_file(void **state)
{
    struct git_request r = request();

    (void)state;
    r.secrets.from = put("username=ann\npassword=secret\n");
    r.secrets.store = true;
    assert_int_equal(git_secrets_put(&r, "", &e), 0);
    assert_string_equal(of(&r)->basic->username, "ann");
    assert_string_equal(of(&r)->basic->password, "secret");
    assert_true(of(&r)->store_credentials);
    r.secrets.from = put("username=ann\n");
    assert_int_equal(git_secrets_put(&r, "", &e), -1);
    r.secrets.from = "/nowhere/at/all";
    assert_int_equal(git_secrets_put(&r, "", &e), -1);
    r.secrets.bearer = put("x");
    assert_int_equal(git_secrets_put(&r, "", &e), -1);
    assert_string_equal(e.text, "more than one kind of credentials");
    git_request_clear(&r);
}

static void a_bearer_and_a_key(void **state)
{
    struct git_request r = request();

    (void)state;
    assert_int_equal(git_secrets_put(&r, "", &e), 0);
    assert_null(of(&r));
    r.secrets.bearer = put("token\n");
    assert_int_equal(git_secrets_put(&r, "", &e), 0);
    assert_string_equal(of(&r)->bearer, "token");
    r.secrets = (struct git_secrets){.ssh_key = put("KEY\n"), .accept_new_host = true};
    assert_int_equal(git_secrets_put(&r, "", &e), 0);
    assert_int_equal(of(&r)->kind_case, GUEST__V1__GIT_CREDENTIALS__KIND_SSH);
    assert_memory_equal(of(&r)->ssh->private_key.data, "KEY\n", 4);
    assert_true(of(&r)->ssh->accept_new_host);
    git_request_clear(&r);
}

static void bounded(void **state)
{
    struct arena a = {.max = MIB};
    struct bytes text;
    int fds[2];

    (void)state;
    for (size_t max = 3; max < 6; max++) {
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(write(fds[1], "12345", 5), 5);
        fd_close(&fds[1]);
        assert_int_equal(git_secrets_read(&a, fds[0], "it", max, &text, &e), max < 5 ? -1 : 0);
        fd_close(&fds[0]);
    }
    assert_true(bytes_are(text, "12345"));
    arena_clear(&a);
}

/* The host's helper is git's own, with its configuration. */
static void from_the_hosts_helper(void **state)
{
    struct git_request r = request();
    char helper[] = "!f() { echo username=ann; echo password=$(sed -n s/host=//p); }; f";

    (void)state;
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_CONFIG_COUNT", "1", 1);
    setenv("GIT_CONFIG_KEY_0", "credential.helper", 1);
    setenv("GIT_CONFIG_VALUE_0", helper, 1);
    r.secrets.from = "helper";
    assert_true(git_secrets_ask(&r));
    assert_int_equal(git_secrets_put(&r, "https://example.com/x", &e), 0);
    assert_string_equal(of(&r)->basic->password, "example.com");
    assert_int_equal(git_secrets_put(&r, "https://example.com/x\nhost=other", &e), -1);
    setenv("GIT_CONFIG_VALUE_0", "!exit 1", 1);
    setenv("GIT_TERMINAL_PROMPT", "0", 1);
    setenv("GIT_ASKPASS", "/bin/false", 1);
    assert_int_equal(git_secrets_put(&r, "https://example.com/x", &e), -1);
    git_request_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_git_credential_writes),
                                       cmocka_unit_test(from_a_file), cmocka_unit_test(a_bearer_and_a_key),
                                       cmocka_unit_test(bounded), cmocka_unit_test(from_the_hosts_helper)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    unlink(put(""));
    return failed;
}
