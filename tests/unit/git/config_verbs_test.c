#include "verbs_rig.h"

static void set(void **state)
{
    (void)state;
    expect_command("SetConfig", "{\"path\":\"/\",\"key\":\"a.b\",\"value\":\"-x\"}",
                   "config --local --replace-all a.b -x");
    expect_command("SetConfig",
                   "{\"key\":\"a.b\",\"scope\":\"CONFIG_SCOPE_SYSTEM\",\"add\":true,\"value\":\"x\"}",
                   "config --system --add a.b x");
    expect_refused("SetConfig", "{\"path\":\"/\",\"key\":\"a\"}");
    expect_refused("SetConfig", "{\"key\":\"a.b\"}");
    expect_refused("SetConfig", "{\"path\":\"/\",\"key\":\"a.b\",\"scope\":7}");
    expect(":", "SetConfig", "{\"path\":\"/\",\"key\":\"a.b\"}", "\r\n\r\n{}");
}

static void unset(void **state)
{
    static const char json[] = "{\"path\":\"/\",\"key\":\"a.b\"}";

    (void)state;
    expect_command("UnsetConfig", json, "config --local --unset-all a.b");
    expect("exit 5", "UnsetConfig", json, "\"not_found\"");
    expect("echo bad >&2; exit 5", "UnsetConfig", json, "\"unknown\"");
}

static void user(void **state)
{
    (void)state;
    expect_command("ConfigureUser", "{\"path\":\"/\",\"name\":\"A B\",\"email\":\"c\"}",
                   "config --local --replace-all user.name A B");
    expect_command("ConfigureUser", "{\"path\":\"/\",\"email\":\"c\"}",
                   "config --local --replace-all user.email c");
    expect("case \"$*\" in *user.name*) exit 0;; esac; echo \"ran $*\" >&2; exit 1", "ConfigureUser",
           "{\"path\":\"/\",\"name\":\"A\",\"email\":\"c\"}",
           "ran config --local --replace-all user.email c");
    expect_refused("ConfigureUser", "{\"path\":\"/\"}");
    expect_refused("ConfigureUser", "{\"path\":\"/\",\"name\":\"<\"}");
}

/* What is secret by its place or by its name is not told. */
static void list(void **state)
{
    (void)state;
    expect("printf 'local\\0remote.o.url\\nhttps://a:b@h/\\0'", "ListConfig", "{\"path\":\"/\"}",
           "{\"entries\":[{\"key\":\"remote.o.url\",\"scope\":\"CONFIG_SCOPE_LOCAL\"}]}");
    expect("printf 'global\\0url.https://t@h/.insteadof\\nx\\0'", "ListConfig", "{\"path\":\"/\"}",
           "{\"key\":\"url.https://h/.insteadof\",\"value\":\"eA==\",\"scope\":\"CONFIG_SCOPE_GLOBAL\"}");
    expect("printf 'system\\0a.token\\nx\\0'", "ListConfig", "{\"path\":\"/\"}",
           "{\"key\":\"a.token\",\"scope\":\"CONFIG_SCOPE_SYSTEM\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(set), cmocka_unit_test(unset), cmocka_unit_test(user),
                                       cmocka_unit_test(list)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
