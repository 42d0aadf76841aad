/* What words do to a request's fields. */
#include "ctl/git_fields.h"

#include "test.h"

#include "core/limits.h"
#include "guest/v1/git.pb-c.h"

static struct arena a = {.max = MIB};
static struct err e;

static int teardown(void **state)
{
    (void)state;
    arena_clear(&a);
    return 0;
}

static void each_kind(void **state)
{
    Guest__V1__CloneRequest *m =
        (Guest__V1__CloneRequest *)git_fields_new(&a, &guest__v1__clone_request__descriptor, &e);

    (void)state;
    assert_int_equal(git_fields_set(&a, &m->base, "url", "x", &e), 0);
    assert_int_equal(git_fields_set(&a, &m->base, "single-branch", NULL, &e), 0);
    assert_int_equal(git_fields_set(&a, &m->base, "depth", "4294967295", &e), 0);
    for (int i = 0; i < 9; i++)
        assert_int_equal(git_fields_set(&a, &m->base, "sparse-paths", i == 8 ? "last" : "d", &e), 0);
    assert_string_equal(m->url, "x");
    assert_true(m->single_branch);
    assert_int_equal(m->depth, 4294967295);
    assert_int_equal(m->n_sparse_paths, 9);
    assert_string_equal(m->sparse_paths[0], "d");
    assert_string_equal(m->sparse_paths[8], "last");
    for (const char *const *p =
             (const char *const[]){"4294967296", "-1", "", "1x", "18446744073709551617", NULL};
         *p; p++)
        assert_int_equal(git_fields_set(&a, &m->base, "depth", *p, &e), -1);
    assert_int_equal(git_fields_set(&a, &m->base, "no-such", "x", &e), -1);
}

static void bytes_and_what_is_below(void **state)
{
    Guest__V1__DiffRequest *m =
        (Guest__V1__DiffRequest *)git_fields_new(&a, &guest__v1__diff_request__descriptor, &e);

    (void)state;
    assert_true(git_fields_is_list(&m->base, "paths"));
    assert_false(git_fields_is_list(&m->base, "path"));
    assert_int_equal(git_fields_set(&a, &m->base, "paths", "\xff", &e), 0);
    assert_int_equal(git_fields_set(&a, &m->base, "staged", NULL, &e), 0);
    assert_int_equal(git_fields_set(&a, &m->base, "context", "0", &e), 0);
    assert_int_equal(m->target->n_paths, 1);
    assert_memory_equal(m->target->paths[0].data, "\xff", 2);
    assert_true(m->target->staged);
    assert_int_equal(m->_context_case, GUEST__V1__DIFF_REQUEST___CONTEXT_CONTEXT);
}

static void words_of_an_enum(void **state)
{
    Guest__V1__PullRequest *m =
        (Guest__V1__PullRequest *)git_fields_new(&a, &guest__v1__pull_request__descriptor, &e);

    (void)state;
    assert_int_equal(git_fields_set(&a, &m->base, "mode", "fast-forward-only", &e), 0);
    assert_int_equal(m->mode, GUEST__V1__PULL_REQUEST__MODE__MODE_FAST_FORWARD_ONLY);
    for (const char *const *p = (const char *const[]){"fast-forward", "unspecified", "", "merge-", NULL}; *p;
         p++)
        assert_int_equal(git_fields_set(&a, &m->base, "mode", *p, &e), -1);
    assert_string_equal(e.text, "--mode: 'merge-' is none of its words");
}

static void identities(void **state)
{
    Guest__V1__CommitRequest *m =
        (Guest__V1__CommitRequest *)git_fields_new(&a, &guest__v1__commit_request__descriptor, &e);

    (void)state;
    assert_int_equal(git_fields_set(&a, &m->base, "author", "Ann < B <a@x>", &e), 0);
    assert_string_equal(m->author->name, "Ann < B");
    assert_string_equal(m->author->email, "a@x");
    for (const char *const *p = (const char *const[]){"Ann", "<a@x>", "Ann<a@x>", "Ann <a@x", "", NULL}; *p;
         p++)
        assert_int_equal(git_fields_set(&a, &m->base, "author", *p, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind), cmocka_unit_test(bytes_and_what_is_below),
                                       cmocka_unit_test(words_of_an_enum), cmocka_unit_test(identities)};

    return cmocka_run_group_tests(tests, NULL, teardown);
}
