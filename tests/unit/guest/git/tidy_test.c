#include "guest/git/tidy.h"

#include "git_rig.h"

static bool done;

static void on_tidied(void *arg)
{
    *(bool *)arg = true;
}

static void tidy(const struct git_place *place, enum git_access access)
{
    done = false;
    assert_int_equal(git_tidy(rig.workers, NULL, rig.settings.env, place, access, on_tidied, &done), 0);
    RUN_UNTIL(NULL, done, 5000);
}

static void in_dir(const char *script)
{
    char command[512];

    snprintf(command, sizeof command, "cd %s && %s", dir, script);
    assert_int_equal(system(command), 0);
}

/* Locks that are younger than the operation go, and nothing else. */
static void locks(void **state)
{
    char path[64];
    struct git_place p = {.git_dir = path, .since = clock_wall()};

    (void)state;
    snprintf(path, sizeof path, "%s/g", dir);
    p.since.tv_sec -= 2;
    in_dir("mkdir -p g/refs/heads/a g/objects && touch g/index.lock g/refs/heads/a/b.lock g/objects/x.lock "
           "g/x.lock.d g/index "
           "&& touch -d 1980-01-01 g/old.lock");
    tidy(&p, GIT_WRITES);
    assert_false(is_there("g/index.lock") || is_there("g/refs/heads/a/b.lock"));
    assert_true(is_there("g/old.lock") && is_there("g/objects/x.lock") && is_there("g/x.lock.d") &&
                is_there("g/index"));
}

static void what_was_made(void **state)
{
    char path[64];
    struct git_place p = {.path = path};

    (void)state;
    snprintf(path, sizeof path, "%s/w", dir);
    in_dir("mkdir -p w/.git/x && touch w/.git/x/y w/z");
    p.existed = true;
    tidy(&p, GIT_MAKES); /* there was something in it before */
    assert_true(is_there("w/z"));
    p.was_empty = true;
    tidy(&p, GIT_MAKES);
    assert_true(is_there("w") && !is_there("w/z") && !is_there("w/.git"));
    p.existed = false;
    tidy(&p, GIT_MAKES);
    assert_false(is_there("w"));
    tidy(&p, GIT_MAKES); /* it is gone already */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(locks), cmocka_unit_test(what_was_made)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
