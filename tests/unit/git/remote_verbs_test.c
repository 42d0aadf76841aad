#include "verbs_rig.h"

static void list(void **state)
{
    (void)state;
    expect("printf 'local\\0remote.o.fetch\\nx\\0local\\0remote.a.b.url\\n/x\\0local\\0remote.o.url\\n/y\\0"
           "local\\0remote.o.url\\n/z\\0local\\0remote.o.pushurl\\n/p\\0local\\0remote.pushdefault\\no\\0'",
           "Remotes", "{\"path\":\"/\"}",
           "{\"remotes\":[{\"name\":\"o\",\"fetchUrl\":\"/y\",\"pushUrl\":\"/p\"},"
           "{\"name\":\"a.b\",\"fetchUrl\":\"/x\",\"pushUrl\":\"/x\"}]}");
    expect("printf 'local\\0remote.o.url\\n/y\\0'", "Remotes", "{\"path\":\"/\",\"name\":\"p\"}",
           "\"not_found\"");
    expect("for i in $(seq 1001); do printf 'local\\0remote.%s.url\\n/y\\0' $i; done", "Remotes",
           "{\"path\":\"/\"}", "\"resource_exhausted\"");
}

#define ADD "{\"path\":\"/\",\"name\":\"o\",\"url\":\"/x\""

static void add(void **state)
{
    (void)state;
    expect_command("AddRemote", ADD "}", "remote add -- o /x");
    expect_refused("AddRemote", "{\"path\":\"/\",\"name\":\"o\",\"url\":\"https://a:b@h/\"}");
    expect_refused("AddRemote", "{\"path\":\"/\",\"name\":\"-o\",\"url\":\"/x\"}");
    expect_refused("AddRemote", ADD ",\"credentials\":{\"storeCredentials\":true}}");
    expect(":", "AddRemote", ADD "}", "\r\n\r\n{}");
    expect("[ $1 = remote ] || { echo \"ran $*\" >&2; exit 1; }", "AddRemote", ADD ",\"fetch\":true}",
           "ran fetch --quiet -- o");
}

/* One of that name is replaced, with all its addresses. */
static void overwrite(void **state)
{
    static const char there[] =
        "[ $1 = remote ] && { echo 'error: remote o already exists.' >&2; exit 3; }\n";
    char script[256];

    (void)state;
    expect(there, "AddRemote", ADD "}", "\"already_exists\"");
    snprintf(script, sizeof script, "%secho \"ran $*\" >&2; exit 1", there);
    expect(script, "AddRemote", ADD ",\"overwrite\":true}",
           "ran config --local --replace-all remote.o.url /x");
    snprintf(script, sizeof script, "%s[ $3 = --replace-all ] || { echo \"ran $*\" >&2; exit 1; }", there);
    expect(script, "AddRemote", ADD ",\"overwrite\":true}",
           "ran config --local --unset-all remote.o.pushurl");
    snprintf(script, sizeof script, "%s[ $3 = --replace-all ] || exit 5", there);
    expect(script, "AddRemote", ADD ",\"overwrite\":true}", "\r\n\r\n{}");
}

static void set(void **state)
{
    (void)state;
    expect_command("SetRemote", ADD "}", "remote get-url -- o");
    expect("[ $1 = remote ] || { echo \"ran $*\" >&2; exit 1; }", "SetRemote", ADD "}",
           "ran config --local --replace-all remote.o.url /x");
    expect(":", "SetRemote", ADD "}", "\r\n\r\n{}");
    expect_refused("SetRemote", "{\"path\":\"/\",\"name\":\"o\",\"url\":\"https://token@h/\"}");
    expect_command("RemoveRemote", "{\"path\":\"/\",\"name\":\"o\"}", "remote remove o");
    expect_refused("RemoveRemote", "{\"path\":\"/\",\"name\":\"-o\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(list), cmocka_unit_test(add),
                                       cmocka_unit_test(overwrite), cmocka_unit_test(set)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
