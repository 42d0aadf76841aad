#include "git/settings.h"

#include "git_rig.h"

static struct talk t;

static void scopes(void **state)
{
    enum git_scope scope;
    struct err e;

    (void)state;
    assert_int_equal(
        git_settings_scope(GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_UNSPECIFIED, GIT_SCOPE_LOCAL, &scope, &e),
        0);
    assert_int_equal(scope, GIT_SCOPE_LOCAL);
    assert_int_equal(
        git_settings_scope(GUEST__V1__CONFIG_SCOPE__CONFIG_SCOPE_SYSTEM, GIT_SCOPE_LOCAL, &scope, &e), 0);
    assert_int_equal(scope, GIT_SCOPE_SYSTEM);
    assert_int_equal(git_settings_scope((Guest__V1__ConfigScope)4, GIT_SCOPE_LOCAL, &scope, &e), -1);
    assert_string_equal(git_settings_command(GIT_SCOPE_GLOBAL), "config --global");
    assert_string_equal(git_settings_command(GIT_SCOPE_ANY), "config");
}

/* Who writes the user's configuration works at his home, whatever the path says. */
static void places(void **state)
{
    struct git_call c = {0};
    struct err e;

    (void)state;
    assert_int_equal(git_settings_place(&c, GIT_SCOPE_LOCAL, "/x", &e), 0);
    assert_null(c.path);
    assert_int_equal(git_settings_place(&c, GIT_SCOPE_LOCAL, "", &e), -1);
    assert_int_equal(git_settings_place(&c, GIT_SCOPE_ANY, "", &e), 0);
    assert_int_equal(git_settings_place(&c, GIT_SCOPE_GLOBAL, "/x", &e), 0);
    assert_string_equal(c.path, "~");
}

static void expect(const char *script, const char *json, const char *wanted)
{
    put_git(script);
    ask(&t, "guest.v1.Git/GetConfig", json);
    HEAR(&t, wanted);
    hang_up(&t);
}

static void lists(void **state)
{
    static const char json[] = "{\"path\":\"/\",\"key\":\"A.b\"}";

    (void)state;
    expect("printf 'local\\0a.b\\n1\\0command\\0a.b\\n2\\0global\\0a.c\\n3\\0'", json,
           "{\"values\":[\"MQ==\"]}");
    expect("printf 'local\\0a.B.b\\n1\\0'", json, "\"not_found\"");
    expect("echo \"fatal: unable to read config file '/x': No such file or directory\" >&2; exit 128", json,
           "\"not_found\"");
    expect("echo \"fatal: unable to read config file '/x': Permission denied\" >&2; exit 128", json,
           "\"permission_denied\"");
    expect("printf 'local\\0a.b'", json, "\"internal\"");
    expect("printf 'nowhere\\0a.b\\0'", json, "\"internal\"");
    expect("exit 3", json, "exit status 3");
    expect(":", "{\"path\":\"/\",\"key\":\"a\"}", "\"invalid_argument\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scopes), cmocka_unit_test(places),
                                       cmocka_unit_test(lists)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
