#include "git/conflict.h"

#include "git_rig.h"

static struct talk t;

/* Paths of names that no line holds; git's own words and exit code stay those of the run that failed. */
static void paths(void **state)
{
    (void)state;
    put_git("[ $1 = diff-files ] && { printf 'a\\nb\\0c\\0'; exit; }\necho \"error: path 'c' is unmerged\" "
            ">&2; exit 7");
    ask(&t, "guest.v1.Git/Restore", "{\"path\":\"/\",\"paths\":[\"YQ==\"]}");
    HEAR(&t, "path 'c' is unmerged");
    assert_true(has(&t, "\"aborted\""));
    /* The detail: reason 7, exit code 7 (14 as sint32), what the first run said, and the two paths. */
    assert_true(has(&t, "CAcQDhocZXJyb3I6IHBhdGggJ2MnIGlzIHVubWVyZ2VkCiIDYQpiIgFj"));
    hang_up(&t);
}

/* When that question fails, too, the call ends as it would have. */
static void no_answer(void **state)
{
    (void)state;
    put_git("[ $1 = diff-files ] && exit 3; echo \"error: path 'c' is unmerged\" >&2; exit 1");
    ask(&t, "guest.v1.Git/Restore", "{\"path\":\"/\",\"paths\":[\"YQ==\"]}");
    HEAR(&t, "path 'c' is unmerged");
    assert_true(has(&t, "\"aborted\""));
    hang_up(&t);
}

/* A reader's call is not asked, nor another error's. */
static void nothing_to_ask(void **state)
{
    struct git_call c = {.arena = {.max = MIB},
                         .verb = git_service_verb(&guest__v1__status_request__descriptor)};
    struct err e;

    (void)state;
    err_set(&e, STATUS_ABORTED, 0, "x");
    c.reason = GIT_CONFLICT;
    assert_false(git_conflict_ask(&c, &e));
    c.verb = git_service_verb(&guest__v1__add_request__descriptor);
    c.reason = GIT_LOCKED;
    assert_false(git_conflict_ask(&c, &e));
    git_conflict_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(paths), cmocka_unit_test(no_answer),
                                       cmocka_unit_test(nothing_to_ask)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
