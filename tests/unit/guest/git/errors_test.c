#include "guest/git/errors.h"

#include <stdio.h>

#include "test.h"

/* What git 2.30 to 2.47, ssh and curl say. */
static void reasons(void **state)
{
    static const struct {
        const char *text;
        enum git_reason reason;
    } said[] = {
        {"fatal: not a git repository (or any of the parent directories): .git\n", GIT_NOT_A_REPOSITORY},
        {"fatal: detected dubious ownership in repository at '/x'\n", GIT_DUBIOUS_OWNERSHIP},
        {"fatal: unsafe repository ('/x' is owned by someone else)\n", GIT_DUBIOUS_OWNERSHIP},
        {"fatal: Authentication failed for 'http://h/x/'\n", GIT_AUTH_FAILED},
        {"fatal: could not read Username for 'http://h': terminal prompts disabled\n", GIT_AUTH_FAILED},
        {"fatal: unable to access 'http://h/': The requested URL returned error: 403\n", GIT_AUTH_FAILED},
        {"git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n",
         GIT_AUTH_FAILED},
        {"Host key verification failed.\nfatal: Could not read from remote repository.\n",
         GIT_HOST_KEY_UNKNOWN},
        {"fatal: unable to access 'https://h/': Could not resolve host: h\n", GIT_HOST_UNREACHABLE},
        {"fatal: unable to connect to h:\nh[0: 127.0.0.1]: errno=Connection refused\n", GIT_HOST_UNREACHABLE},
        {"fatal: Unable to create '/x/.git/index.lock': File exists.\n\nAnother git process seems",
         GIT_LOCKED},
        {"error: failed to write: No space left on device\nfatal: sha1 file write error\n", GIT_DISK_FULL},
        {"fatal: transport 'ext' not allowed\n", GIT_BAD_URL},
        {"fatal: unable to find remote helper for 'foo'\n", GIT_BAD_URL},
        {"git: 'remote-https' is not a git command. See 'git --help'.\n", GIT_BAD_URL},
        {"fatal: repository 'http://h/x.git/' not found\n", GIT_REPOSITORY_NOT_FOUND},
        {"fatal: repository '/x' does not exist\n", GIT_REPOSITORY_NOT_FOUND},
        {"fatal: remote error: access denied or repository not exported: /x\n", GIT_REPOSITORY_NOT_FOUND},
        {"fatal: The current branch x has no upstream branch.\n", GIT_NO_UPSTREAM},
        {"There is no tracking information for the current branch.\n", GIT_NO_UPSTREAM},
        {"CONFLICT (content): Merge conflict in a\nAutomatic merge failed\n", GIT_CONFLICT},
        {" ! [rejected]        main -> main (non-fast-forward)\n", GIT_NON_FAST_FORWARD},
        {" ! [rejected]        main -> main (fetch first)\n", GIT_NON_FAST_FORWARD},
        {"error: Your local changes to the following files would be overwritten by checkout:\n",
         GIT_LOCAL_CHANGES},
        {"nothing to commit, working tree clean\n", GIT_NOTHING_TO_COMMIT},
        {"*** Please tell me who you are.\n", GIT_NO_IDENTITY},
        {"fatal: A branch named 'x' already exists.\n", GIT_ALREADY_EXISTS},
        {"fatal: destination path '/x' already exists and is not an empty directory.\n", GIT_ALREADY_EXISTS},
        {"fatal: ambiguous argument 'x': unknown revision or path not in the working tree.\n",
         GIT_UNKNOWN_REF},
        {"fatal: Remote branch x not found in upstream origin\n", GIT_UNKNOWN_REF},
        {"error: pathspec 'x' did not match any file(s) known to git\n", GIT_UNKNOWN_REF},
        {"error: could not lock config file /root/.gitconfig: File exists\n", GIT_LOCKED},
        {"error: could not lock config file /etc/gitconfig: Permission denied\n", GIT_NO_PERMISSION},
        {"fatal: --local can only be used inside a git repository\n", GIT_NOT_A_REPOSITORY},
        {"error: path 'x' is unmerged\n", GIT_CONFLICT},
        {"fatal: Cannot do a soft reset in the middle of a merge.\n", GIT_CONFLICT},
        {"fatal: You have nothing to amend.\n", GIT_NOTHING_TO_COMMIT},
        {"fatal: no email was given and auto-detection is disabled\n", GIT_NO_IDENTITY},
        {"error: The branch 'x' is not fully merged.\n", GIT_NOT_MERGED},
        {"error: Cannot delete branch 'x' checked out at '/y'\n", GIT_CHECKED_OUT},
        {"error: cannot delete branch 'x' used by worktree at '/y'\n", GIT_CHECKED_OUT},
        {"The following paths are ignored by one of your .gitignore files:\nx\n", GIT_IGNORED},
        {"fatal: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'\n",
         GIT_ALREADY_EXISTS},
        {"fatal: Failed to resolve 'x' as a valid revision.\n", GIT_UNKNOWN_REF},
        {"fatal: reference is not a tree: a:b\n", GIT_UNKNOWN_REF},
        {"fatal: could not resolve HEAD\n", GIT_UNKNOWN_REF},
        {"error: insufficient permission for adding an object to repository database .git/objects\n",
         GIT_NO_PERMISSION},
        {"fatal: something else\n", GIT_UNSPECIFIED},
        {"", GIT_UNSPECIFIED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(said); i++)
        assert_int_equal(git_errors_reason(bytes_of(said[i].text)), said[i].reason);
}

static void every_reason_has_a_status(void **state)
{
    (void)state;
    for (int i = 0; i < GIT_REASONS; i++)
        assert_int_not_equal(git_errors_status((enum git_reason)i), STATUS_OK);
}

static void is(struct bytes got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.ptr, wanted, got.len);
}

static void lines(void **state)
{
    (void)state;
    is(git_errors_line(BYTES_LIT("error: one\nfatal: two\nhint: three\n")), "two");
    is(git_errors_line(BYTES_LIT("fatal: one\nerror: two")), "one");
    is(git_errors_line(BYTES_LIT("error: one\nsomething\r\n\n")), "one");
    is(git_errors_line(BYTES_LIT("10%\r 20%\rlast \n\n")), "last");
    is(git_errors_line(BYTES_LIT("")), "");
    is(git_errors_line(
           BYTES_LIT("git: 'remote-x' is no command.\n\nThe most similar command is\n\tremote-y\n")),
       "'remote-x' is no command.");
    is(git_errors_lock(BYTES_LIT("fatal: Unable to create '/x/a b.lock': File exists.\n")), "/x/a b.lock");
    is(git_errors_lock(BYTES_LIT("x.lock': File exists.\n")), "");
    is(git_errors_lock(BYTES_LIT("'\nx.lock': File exists.\n")), "");
    is(git_errors_lock(BYTES_LIT("")), "");
}

static void lines_that_say_what_failed(void **state)
{
    static const char rights[] =
        "\nPlease make sure you have the correct access rights\nand the repository exists.\n";
    char text[256];

    (void)state;
    snprintf(text, sizeof text, "sh: 1: ssh: not found\nfatal: Could not read from remote repository.\n%s",
             rights);
    is(git_errors_line(bytes_of(text)), "sh: 1: ssh: not found");
    snprintf(text, sizeof text, "Cloning into 'x'...\nfatal: Could not read from remote repository.\n%s",
             rights);
    is(git_errors_line(bytes_of(text)), "Could not read from remote repository.");
    is(git_errors_line(BYTES_LIT("fatal: Could not read from remote repository.")),
       "Could not read from remote repository.");
    is(git_errors_line(BYTES_LIT("fatal: unable to connect to h:\nh[0: ::1]: errno=Connection refused\n\n")),
       "h[0: ::1]: errno=Connection refused");
    is(git_errors_line(BYTES_LIT("fatal: unable to connect to h:")), "unable to connect to h:");
}

static void rejections(void **state)
{
    (void)state;
    assert_int_equal(git_errors_rejection(BYTES_LIT("fetch first"), GIT_AUTH_FAILED), GIT_NON_FAST_FORWARD);
    assert_int_equal(git_errors_rejection(BYTES_LIT("already exists"), GIT_UNSPECIFIED), GIT_ALREADY_EXISTS);
    assert_int_equal(git_errors_rejection(BYTES_LIT("hook declined"), GIT_DISK_FULL), GIT_DISK_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rejections), cmocka_unit_test(reasons),
                                       cmocka_unit_test(every_reason_has_a_status), cmocka_unit_test(lines),
                                       cmocka_unit_test(lines_that_say_what_failed)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
