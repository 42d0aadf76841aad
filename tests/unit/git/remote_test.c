#include "git/remote.h"

#include "git/plain.h"

#include "git_rig.h"

static struct talk t;

/* A git on branch main, whose upstream and push remote are the words; it notes its commands in `log`. */
static void put_remotes(const char *names)
{
    char script[512];

    snprintf(script, sizeof script,
             "echo \"$*\" >>%s/log\n"
             "case $1 in symbolic-ref) echo refs/heads/main;; for-each-ref) case $* in *push*) printf '%s';; "
             "esac;;\n"
             "remote) echo https://ann:secret@h/y;; fetch) exit 9;; push) exit 9;; esac",
             dir, names);
    put_git(script);
}

/* Whether a command of the log begins so. */
static bool ran(const char *words)
{
    char path[64], line[512];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof path, "%s/log", dir);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        found |= strncmp(line, words, strlen(words)) == 0;
    if (f)
        fclose(f);
    return found;
}

static void call(const char *method, const char *json, const char *wanted)
{
    char path[64];

    snprintf(path, sizeof path, "%s/log", dir);
    unlink(path);
    ask_stream(&t, method, "", json);
    HEAR(&t, wanted);
    hang_up(&t);
}

static const char fetch[] = "fetch --progress --no-recurse-submodules --upload-pack=git-upload-pack -- ";
static const char push[] =
    "push --porcelain --progress --recurse-submodules=no --receive-pack=git-receive-pack -- ";

static bool ran_with(const char *command, const char *rest)
{
    char words[256];

    snprintf(words, sizeof words, "%s%s\n", command, rest);
    return ran(words);
}

/* Of Fetch the branch's, of Push where pushes go; else "origin". */
static void default_remotes(void **state)
{
    (void)state;
    put_remotes("up\\0out\\0refs/heads/x\\0\\n");
    call("guest.v1.Git/Fetch", "{\"path\":\"/\"}", "exit status 9");
    assert_true(ran_with(fetch, "up"));
    call("guest.v1.Git/Push", "{\"path\":\"/\"}", "exit status 9");
    assert_true(ran_with(push, "out refs/heads/main:refs/heads/main"));
    call("guest.v1.Git/Push", "{\"path\":\"/\",\"remote\":\"up\"}", "exit status 9");
    assert_true(ran_with(push, "up refs/heads/main:refs/heads/x"));
    put_remotes("\\0\\0\\0\\n");
    call("guest.v1.Git/Fetch", "{\"path\":\"/\"}", "exit status 9");
    assert_true(ran_with(fetch, "origin"));
    put_remotes("");
    call("guest.v1.Git/Push", "{\"path\":\"/\"}", "exit status 9");
    assert_true(ran_with(push, "origin refs/heads/main:refs/heads/main"));
}

/* A URL's own credentials do not reach git; a remote's URL is asked for only to aim credentials. */
static void urls(void **state)
{
    (void)state;
    put_remotes("");
    call("guest.v1.Git/Fetch", "{\"path\":\"/\",\"remote\":\"https://ann:secret@h/y\"}", "exit status 9");
    assert_true(ran_with(fetch, "https://h/y"));
    assert_false(ran("remote"));
    call("guest.v1.Git/Fetch", "{\"path\":\"/\",\"remote\":\"up\",\"credentials\":{\"bearer\":\"t\"}}",
         "exit status 9");
    assert_true(ran("remote get-url -- up"));
    call("guest.v1.Git/Push", "{\"path\":\"/\",\"remote\":\"up\",\"credentials\":{\"bearer\":\"t\"}}",
         "exit status 9");
    assert_true(ran("remote get-url --push -- up"));
    call("guest.v1.Git/Fetch", "{\"path\":\"/\",\"remote\":\"-x\"}", "invalid_argument");
    assert_false(ran("fetch"));
}

/* Words, and updates in any number. */
static void answers(void **state)
{
    struct git_call c = {.arena = {.max = MIB}};
    struct git_op op = {0};
    struct git_updates u = {0};
    struct git_update what = {.kind = GIT_UPDATE_NEW, .reason = BYTES_LIT("why")};
    struct err e;
    char *texts[] = {(char[]){"a"}, (char[]){"b"}}, **copy;

    (void)state;
    c.op = &op;
    git_plain_hear(&c);
    assert_int_equal(c.out->feed(c.out, BYTES_LIT("one"), &e), 0);
    assert_int_equal(c.out->feed(c.out, BYTES_LIT(" two\n"), &e), 0);
    assert_string_equal(git_plain_word(&c, &e), "one two");
    op.run.end.code = 1;
    assert_string_equal(git_plain_word(&c, &e), "");
    git_tail_clear(&c.heard.text);
    for (unsigned i = 0; i < 100; i++)
        assert_non_null(git_updates_add(&c, &u, BYTES_LIT("refs/x"), &what, &e));
    assert_int_equal(u.count, 100);
    assert_string_equal(u.list[99]->reason, "why");
    copy = git_remote_copy(&c, texts, 2, &e);
    assert_string_equal(copy[1], "b");
    assert_int_equal(git_remote_depth(&c, 0, &e), 0);
    assert_int_equal(c.command.arg_count, 0);
    assert_int_equal(git_remote_depth(&c, UINT32_MAX, &e), 0);
    assert_string_equal(c.command.args[0], "--depth=4294967295");
    arena_clear(&c.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(default_remotes), cmocka_unit_test(urls),
                                       cmocka_unit_test(answers)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
