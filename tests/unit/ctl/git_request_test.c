/* Words become a request. */
#include "ctl/git.h"

#include "test.h"

#include "ctl_rig.h"

static struct git_request r;

/* Parses the words of a verb; they end with NULL. */
static int parse(const char *name, const char *const *words)
{
    char *argv[16];
    struct capture c;
    int argc = 0, code;

    git_request_clear(&r);
    r = (struct git_request){0};
    for (size_t i = 0; i < git_row_count; i++)
        if (strcmp(git_row_name(&git_rows[i]), name) == 0)
            r.row = &git_rows[i];
    for (; words[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    capture_begin(&c);
    code = git_request_parse(&r, argc, argv);
    capture_end(&c);
    return code;
}

#define PARSE(name, ...) parse(name, (const char *const[]){__VA_ARGS__, NULL})

static void options_of_a_call(void **state)
{
    const Guest__V1__CloneRequest *m;

    (void)state;
    assert_int_equal(PARSE("clone", "-u", "ann", "--timeout", "2s", "--allow-hooks", "-e", "A=1", "-e",
                           "B=", "--progress", "--depth", "3", "--", "-url", "dir"),
                     0);
    m = (const Guest__V1__CloneRequest *)r.m;
    assert_string_equal(m->url, "-url");
    assert_string_equal(m->path, "dir");
    assert_int_equal(m->depth, 3);
    assert_true(m->options->allow_hooks);
    assert_int_equal(m->options->n_env, 2);
    assert_string_equal(m->options->env[0]->key, "A");
    assert_string_equal(m->options->env[1]->value, "");
    assert_int_equal(r.options.timeout_ms, 2000);
    assert_string_equal(r.options.authorization, "Basic YW5uOg==");
    assert_true(r.progress);
}

static void where_secrets_are(void **state)
{
    (void)state;
    assert_int_equal(PARSE("fetch", "--credentials", "-", "--bearer", "b", "--ssh-key", "k", "--known-hosts",
                           "h", "--accept-new-host", "--store-credentials"),
                     0);
    assert_string_equal(r.secrets.from, "-");
    assert_string_equal(r.secrets.bearer, "b");
    assert_string_equal(r.secrets.ssh_key, "k");
    assert_string_equal(r.secrets.known_hosts, "h");
    assert_true(r.secrets.accept_new_host && r.secrets.store);
}

static void operands(void **state)
{
    const Guest__V1__PushRequest *push;
    const Guest__V1__RestoreRequest *restore;

    (void)state;
    assert_int_equal(PARSE("push", "-C", "/r", "origin", "a", "b"), 0);
    push = (const Guest__V1__PushRequest *)r.m;
    assert_string_equal(push->path, "/r");
    assert_string_equal(push->remote, "origin");
    assert_int_equal(push->n_refspecs, 2);
    assert_int_equal(PARSE("restore", "-S", "\xff"), 0);
    restore = (const Guest__V1__RestoreRequest *)r.m;
    assert_true(restore->staged);
    assert_memory_equal(restore->paths[0].data, "\xff", 1);
    assert_int_equal(PARSE("log", "-n", "5000"), 0);
    assert_int_equal(r.limit, 5000); /* of all pages */
    assert_int_equal(PARSE("run", "log", "--oneline"), 0);
    assert_int_equal(((const Guest__V1__RunGitRequest *)r.m)->n_args, 2);
}

static void wrong(void **state)
{
    (void)state;
    assert_int_equal(PARSE("restore", "-S"), CTL_USAGE);
    assert_int_equal(PARSE("pull", "a", "b", "c"), CTL_USAGE);
    assert_int_equal(PARSE("clone", "--timeout", "soon", "u"), CTL_USAGE);
    assert_int_equal(PARSE("clone", "--env", "x", "u"), CTL_USAGE);
}

static int teardown(void **state)
{
    (void)state;
    git_request_clear(&r);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(options_of_a_call),
                                       cmocka_unit_test(where_secrets_are), cmocka_unit_test(operands),
                                       cmocka_unit_test(wrong)};

    return cmocka_run_group_tests(tests, NULL, teardown);
}
