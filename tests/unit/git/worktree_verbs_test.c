#include "verbs_rig.h"

#define PATHS "--pathspec-from-file=- --pathspec-file-nul"

static void add(void **state)
{
    (void)state;
    expect_command("Add", "{\"path\":\"/\",\"paths\":[\"YQ==\"]}", "add " PATHS);
    expect_command("Add", "{\"path\":\"/\",\"all\":true,\"force\":true}", "add --all --force");
    expect_refused("Add", "{\"path\":\"/\"}");
}

static void restore(void **state)
{
    (void)state;
    expect_command("Restore", "{\"path\":\"/\",\"paths\":[\"YQ==\"]}", "restore --quiet " PATHS);
    expect_command(
        "Restore",
        "{\"path\":\"/\",\"paths\":[\"YQ==\"],\"staged\":true,\"worktree\":true,\"source\":\"-x\"}",
        "restore --quiet --staged --worktree --source=-x " PATHS);
    expect_refused("Restore", "{\"path\":\"/\"}");
}

static void reset(void **state)
{
    (void)state;
    expect_command("Reset", "{\"path\":\"/\"}", "reset --quiet --mixed --");
    expect_command("Reset", "{\"path\":\"/\",\"mode\":\"MODE_KEEP\",\"target\":\"x\"}",
                   "reset --quiet --keep x --");
    expect_command("Reset", "{\"path\":\"/\",\"paths\":[\"YQ==\"],\"target\":\"x\"}",
                   "reset --quiet " PATHS " x --");
    expect_refused("Reset", "{\"path\":\"/\",\"mode\":6}");
    expect_refused("Reset", "{\"path\":\"/\",\"mode\":-1}");
    expect_refused("Reset", "{\"path\":\"/\",\"mode\":1,\"paths\":[\"YQ==\"]}");
    expect_refused("Reset", "{\"path\":\"/\",\"target\":\"--hard\"}");
    expect("[ $1 = reset ] || printf 'aa\\nrefs/heads/x\\n'", "Reset", "{\"path\":\"/\"}",
           "{\"commit\":\"aa\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(add), cmocka_unit_test(restore),
                                       cmocka_unit_test(reset)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
