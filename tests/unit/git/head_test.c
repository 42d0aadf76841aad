#include "git/head.h"

#include "git_rig.h"

static struct talk t;

/* What Checkout answers when git then says that of HEAD. */
static void expect(const char *said, const char *wanted)
{
    char script[256];

    snprintf(script, sizeof script, "[ $1 = checkout ] || { printf '%s'; exit; }", said);
    put_git(script);
    ask(&t, "guest.v1.Git/Checkout", "{\"path\":\"/\",\"target\":\"x\"}");
    HEAR(&t, wanted);
    hang_up(&t);
}

static void heads(void **state)
{
    (void)state;
    expect("aa\\nrefs/heads/a/b\\n", "\r\n\r\n{\"branch\":\"a/b\",\"commit\":\"aa\"}");
    expect("aa\\nHEAD\\n", "\r\n\r\n{\"commit\":\"aa\"}");
    expect("aa\\nrefs/heads/\\n", "\r\n\r\n{\"commit\":\"aa\"}");
    expect("aa\\nrefs/heads/\\377\\n", "\"branch\":\"?\"");
    expect("HEAD^{commit}\\n", "\r\n\r\n{}");
    expect("", "\r\n\r\n{}");
}

static void none(void **state)
{
    (void)state;
    put_git("[ $1 = checkout ] || { printf 'aa\\nrefs/heads/x\\n'; exit 128; }");
    ask(&t, "guest.v1.Git/Checkout", "{\"path\":\"/\",\"target\":\"x\"}");
    HEAR(&t, "\r\n\r\n{}");
    hang_up(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(heads), cmocka_unit_test(none)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
