#include "verbs_rig.h"

static void create(void **state)
{
    (void)state;
    expect_command("CreateBranch", "{\"path\":\"/\",\"name\":\"a\"}", "branch --quiet -- a");
    expect_command("CreateBranch", "{\"path\":\"/\",\"name\":\"a\",\"start\":\"b\",\"force\":true}",
                   "branch --quiet --force -- a b");
    expect_command("CreateBranch", "{\"path\":\"/\",\"name\":\"a\",\"checkout\":true}",
                   "checkout --quiet -b a --");
    expect_command("CreateBranch",
                   "{\"path\":\"/\",\"name\":\"a\",\"start\":\"b\",\"checkout\":true,\"force\":true}",
                   "checkout --quiet -B a b --");
    expect_refused("CreateBranch", "{\"path\":\"/\",\"name\":\"a~1\"}");
    expect_refused("CreateBranch", "{\"path\":\"/\",\"name\":\"a\",\"start\":\"-b\"}");
    expect("[ \"$1 $4\" = 'rev-parse refs/heads/a^{commit}' ] && echo aa; exit 0", "CreateBranch",
           "{\"path\":\"/\",\"name\":\"a\"}", "{\"commit\":\"aa\"}");
    expect("[ $1 = rev-parse ] && exit 1; exit 0", "CreateBranch", "{\"path\":\"/\",\"name\":\"a\"}",
           "\r\n\r\n{}");
}

static void delete (void **state)
{
    (void)state;
    expect_command("DeleteBranch", "{\"path\":\"/\",\"name\":\"a\"}", "branch --quiet -d -- a");
    expect_command("DeleteBranch", "{\"path\":\"/\",\"name\":\"a\",\"force\":true}",
                   "branch --quiet -D -- a");
    expect_refused("DeleteBranch", "{\"path\":\"/\",\"name\":\"@{-1}\"}");
}

static void checkout(void **state)
{
    (void)state;
    expect_command("Checkout", "{\"path\":\"/\",\"target\":\"a\"}", "checkout --quiet a --");
    expect_command("Checkout", "{\"path\":\"/\",\"target\":\"a\",\"force\":true,\"detach\":true}",
                   "checkout --quiet --force --detach a --");
    expect_refused("Checkout", "{\"path\":\"/\",\"target\":\"-\"}");
    expect_refused("Checkout", "{\"path\":\"/\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(create), cmocka_unit_test(delete),
                                       cmocka_unit_test(checkout)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
