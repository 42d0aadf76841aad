#include "guest/git/config.h"

#include <stdio.h>

#include "test.h"

static char told[1024];

static int on_entry(void *arg, const struct git_config_entry *x, struct err *e)
{
    snprintf(told + strlen(told), sizeof told - strlen(told), "%d %.*s=%.*s;", (int)x->scope, (int)x->key.len,
             x->key.ptr, (int)x->value.len, x->value.ptr);
    return arg ? err_set(e, STATUS_DATA_LOSS, 0, "no") : 0;
}

static int read_all(struct bytes text, size_t size, void *arg, struct err *e)
{
    struct git_config r;
    int ret = 0;

    told[0] = 0;
    git_config_init(&r, on_entry, arg);
    for (size_t at = 0; ret == 0 && at < text.len; at += size)
        ret = git_config_feed(&r, (struct bytes){text.ptr + at, MIN(size, text.len - at)}, e);
    if (ret == 0)
        ret = git_config_end(&r, e);
    git_config_clear(&r);
    return ret;
}

static void a_list(void **state)
{
    static const char text[] =
        "system\0a.b\n1\0global\0a.B x.c\nx\ny\0local\0a.b\0worktree\0w.x\n\0command\0core.pager\ncat\0"
        "unknown\0z.z\nv";
    struct err e;

    (void)state;
    for (size_t size = 1; size <= sizeof text; size += 5) {
        assert_int_equal(read_all((struct bytes){text, sizeof text}, size, NULL, &e), 0);
        assert_string_equal(told, "3 a.b=1;2 a.B x.c=x\ny;1 a.b=;1 w.x=;0 z.z=v;");
    }
    assert_int_equal(read_all(BYTES_LIT(""), 1, NULL, &e), 0);
}

static void what_git_does_not_write(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(read_all(BYTES_LIT("nowhere\0a.b\0"), 9, NULL, &e), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    assert_int_equal(read_all(BYTES_LIT("local\0"), 9, NULL, &e), -1);
    assert_int_equal(read_all(BYTES_LIT("local\0a.b"), 9, NULL, &e), -1);
    assert_int_equal(read_all(BYTES_LIT("local\0a.b\0"), 9, &e, &e), -1);
    assert_int_equal(e.status, STATUS_DATA_LOSS);
}

static void keys(void **state)
{
    static const char *const good[] = {"a.b",      "A-1.b-2", "a.sub section.b", "a.x.y.b", "a..b",
                                       "a.\"\\.b", "1.b"};
    static const char *const bad[] = {"",      "a",        ".a",    "a.",    "a.1b", "a b.c",
                                      "a.b c", "a.x\ny.b", "a.b\n", "a_b.c", "."};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(git_config_is_key(bytes_of(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(git_config_is_key(bytes_of(bad[i])));
    assert_false(git_config_is_key(BYTES_LIT("a.x\0y.b")));
}

static void canonical(void **state)
{
    static const char *const cases[][2] = {
        {"A.B", "a.b"}, {"Sec.Sub.X.Name", "sec.Sub.X.name"}, {"AB", "ab"}, {"", ""}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char key[32];

        strcpy(key, cases[i][0]);
        git_config_canonical(key, strlen(key));
        assert_string_equal(key, cases[i][1]);
    }
}

static void secrets(void **state)
{
    static const char *const secret[] = {"http.extraheader",   "http.https://h/.extraheader",
                                         "sendemail.smtppass", "imap.pass",
                                         "a.password",         "x.y.oauthtoken",
                                         "a.clientsecret"};
    static const char *const open[] = {"core.bare", "a.passive", "pass.a", "remote.token.url", "token", ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(secret); i++)
        assert_true(git_config_is_secret(bytes_of(secret[i])));
    for (size_t i = 0; i < ARRAY_LEN(open); i++)
        assert_false(git_config_is_secret(bytes_of(open[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_list), cmocka_unit_test(what_git_does_not_write),
                                       cmocka_unit_test(keys), cmocka_unit_test(canonical),
                                       cmocka_unit_test(secrets)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
