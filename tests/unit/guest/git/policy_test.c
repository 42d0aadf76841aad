#include "guest/git/policy.h"

#include <sys/resource.h>

#include "test.h"

static struct git_place place = {.path = "/work", .existed = true, .program = {.path = "/bin/git"}};

static bool has_setting(const struct exec_spec *s, const char *setting)
{
    for (size_t i = 1; i < s->arg_count; i++)
        if (strcmp(s->args[i - 1], "-c") == 0 && strcmp(s->args[i], setting) == 0)
            return true;
    return false;
}

/* The last one of a name counts. */
static const char *variable(const struct exec_spec *s, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < s->var_count; i++)
        if (strcmp(s->vars[i].name, name) == 0)
            value = s->vars[i].value;
    return value;
}

static void what_every_run_has(void **state)
{
    static const char *const args[] = {"init", "--", git_arg_path, ""};
    const struct git_command c = {.args = args, .arg_count = 4};
    struct err e;
    struct exec_spec *s = git_policy_spec(&place, "ann", &c, &e);

    (void)state;
    assert_string_equal(s->cmd, "/bin/git");
    assert_string_equal(s->user, "ann");
    assert_string_equal(s->cwd, "/work");
    assert_string_equal(s->hidden, "GIT_");
    assert_true(s->transient);
    assert_int_equal(s->limits[0].resource, RLIMIT_CORE);
    assert_int_equal(s->limits[0].hard, 1);
    assert_true(has_setting(s, "core.hooksPath=/dev/null"));
    assert_true(has_setting(s, "protocol.ext.allow=never"));
    assert_true(has_setting(s, "credential.helper="));
    assert_true(has_setting(s, "safe.directory=/work"));
    assert_string_equal(variable(s, "LC_ALL"), "C");
    assert_string_equal(variable(s, "GIT_TERMINAL_PROMPT"), "0");
    assert_null(variable(s, "GIT_OPTIONAL_LOCKS"));
    assert_string_equal(s->args[s->arg_count - 5], "--literal-pathspecs");
    assert_string_equal(s->args[s->arg_count - 2], "/work"); /* the path */
    assert_string_equal(s->args[s->arg_count - 1], "");      /* an empty argument is none */
    exec_spec_free(s);
}

static void what_a_request_adds(void **state)
{
    static const struct exec_var vars[] = {{"LC_ALL", "de"}, {"EMAIL", "a@b"}};
    static const char *const args[] = {"status"};
    const struct git_command c = {.args = args,
                                  .arg_count = 1,
                                  .vars = vars,
                                  .var_count = 2,
                                  .reads = true,
                                  .hooks = true,
                                  .globs = true,
                                  .input = true};
    struct git_place new = place;
    struct exec_spec *s;
    struct err e;

    (void)state;
    new.existed = false;
    s = git_policy_spec(&new, NULL, &c, &e);
    assert_string_equal(s->cwd, "/");
    assert_true(s->stdin_pipe);
    assert_false(has_setting(s, "core.hooksPath=/dev/null"));
    assert_string_equal(variable(s, "LC_ALL"), "C");
    assert_string_equal(variable(s, "EMAIL"), "a@b");
    assert_string_equal(variable(s, "GIT_OPTIONAL_LOCKS"), "0");
    assert_string_not_equal(s->args[s->arg_count - 2], "--literal-pathspecs");
    exec_spec_free(s);
}

static void variables(void **state)
{
    static const char *const bad[] = {"", "A=B", "GIT_DIR", "GIT_TRACE_CURL", "LC_ALL", "LANGUAGE"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(git_policy_var(bad[i], &e), -1);
    assert_int_equal(git_policy_var("GIT_TRACE", &e), 0);
    assert_int_equal(git_policy_var("HTTPS_PROXY", &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_every_run_has),
                                       cmocka_unit_test(what_a_request_adds), cmocka_unit_test(variables)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
