#include "guest/git/place.h"

#include <stdio.h>
#include <unistd.h>

#include "test.h"

static char dir[] = "/tmp/guestd-place-XXXXXX";
static struct guest_env env = {.refs = 1, .default_user = "0", .workdir = ""};
static struct fs_caller caller = {.env = &env};

/* Runs a shell script in the directory. */
static void shell(const char *script)
{
    char command[1024];

    snprintf(command, sizeof command, "cd %s && exec 2>&1 >/dev/null && { %s; }", dir, script);
    assert_int_equal(system(command), 0);
}

static int find(struct git_place *p, const char *below, enum git_access access, struct err *e)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, below);
    return git_place_find(p, &caller, path, access, e);
}

static void ends(const char *path, const char *end)
{
    assert_non_null(path);
    assert_string_equal(path + strlen(path) - strlen(end), end);
}

static void repositories(void **state)
{
    struct git_place a, b;
    struct err e;

    (void)state;
    shell(
        "mkdir -p r/sub r/.git/refs bare/refs link none && touch r/.git/HEAD bare/HEAD r/.git/MERGE_HEAD && "
        "echo 'gitdir: ../r/.git' >link/.git && ln -s r/sub way");
    assert_int_equal(find(&a, "r", GIT_READS, &e), 0);
    ends(a.git_dir, "/r/.git");
    assert_string_equal(a.operation, "merge");
    assert_true(a.existed);
    assert_int_equal(find(&b, "way/../r/sub", GIT_READS, &e), 0); /* ".." goes before links are followed */
    git_place_clear(&b);
    assert_int_equal(find(&b, "way", GIT_WRITES, &e), 0);
    ends(b.path, "/r/sub");
    assert_true(a.key.ino == b.key.ino && a.key.dev == b.key.dev);
    git_place_clear(&b);
    assert_int_equal(find(&b, "link", GIT_READS, &e), 0);
    assert_true(a.key.ino == b.key.ino);
    git_place_clear(&b);
    assert_int_equal(find(&b, "bare", GIT_READS, &e), 0);
    ends(b.git_dir, "/bare");
    assert_true(a.key.ino != b.key.ino);
    git_place_clear(&b);
    assert_int_equal(find(&b, "none", GIT_READS, &e), 0);
    assert_null(b.git_dir);
    git_place_clear(&b);
    git_place_clear(&a);
}

static void what_is_not_there(void **state)
{
    struct git_place a, b;
    struct err e;

    (void)state;
    assert_int_equal(find(&a, "new", GIT_READS, &e), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    git_place_clear(&a);
    assert_int_equal(find(&a, "new", GIT_MAKES, &e), 0);
    assert_int_equal(find(&b, "x/../new/", GIT_MAKES, &e), 0);
    assert_false(a.existed);
    assert_true(a.key.ino == b.key.ino && a.key.dev == b.key.dev);
    git_place_clear(&b);
    git_place_clear(&a);
    shell("mkdir empty");
    assert_int_equal(find(&a, "empty", GIT_MAKES, &e), 0);
    assert_true(a.existed && a.was_empty);
    git_place_clear(&a);
    shell("touch empty/x");
    assert_int_equal(find(&a, "empty", GIT_MAKES, &e), 0);
    assert_true(a.existed && !a.was_empty);
    git_place_clear(&a);
}

static void the_program(void **state)
{
    char path[256], late[300];
    struct git_place p;
    struct err e;

    (void)state;
    shell("mkdir bin bin2 && touch bin/git && printf '#!/bin/sh\\n' >bin2/git && chmod +x bin2/git");
    snprintf(path, sizeof path, "relative:%s/bin:%s/bin2", dir, dir); /* the first cannot be run */
    env.path = path;
    assert_int_equal(find(&p, "", GIT_READS, &e), 0);
    ends(p.program.path, "/bin2/git");
    git_place_clear(&p);
    snprintf(late, sizeof late, "PATH=%s/none", dir);
    env.vars = (char *[]){late, NULL};
    env.var_count = 1;
    assert_int_equal(find(&p, "", GIT_READS, &e), -1);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    git_place_clear(&p);
    env.var_count = 0;
}

static int setup(void **state)
{
    (void)state;
    env.path = getenv("PATH");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(repositories), cmocka_unit_test(what_is_not_there),
                                       cmocka_unit_test(the_program)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
