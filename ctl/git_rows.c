#include "ctl/git.h"
#include "ctl/git_show.h"

/* --- options --------------------------------------------------------------------------------- */

#define FIELD(name, letter, arg, text)                                                                       \
    {                                                                                                        \
        GIT_FIELD, name, letter, arg, text, false                                                            \
    }

#define WHO                                                                                                  \
    {GIT_USER, "user", 'u', "NAME", "as this user of the guest", false},                                     \
    {                                                                                                        \
        GIT_TIMEOUT, "timeout", 0, "DURATION",                                                               \
            "give up after so long (10s, 2m); what it began is taken away", false                            \
    }
#define WHERE                                                                                                \
    {                                                                                                        \
        GIT_DIRECTORY, "directory", 'C', "DIR", "the repository (default the user's home)", false            \
    }
#define HOW                                                                                                  \
    {GIT_ENV, "env", 'e', "NAME=VALUE", "set a variable for git; may be repeated", false},                   \
    {                                                                                                        \
        GIT_HOOKS, "allow-hooks", 0, NULL, "let the hooks of the repository run", false                      \
    }
#define SECRETS                                                                                              \
    {GIT_CREDENTIALS,                                                                                        \
     "credentials",                                                                                          \
     0,                                                                                                      \
     "helper|FILE|-",                                                                                        \
     "a user name and a password: from `git credential fill` on this machine, or as that writes them in "    \
     "FILE or "                                                                                              \
     "standard input",                                                                                       \
     false},                                                                                                 \
        {GIT_BEARER, "bearer", 0, "FILE|-", "a bearer token, from FILE or standard input", false},           \
        {GIT_SSH_KEY, "ssh-key", 0, "FILE", "a private key without a passphrase", false},                    \
        {GIT_KNOWN_HOSTS,                                                                                    \
         "known-hosts",                                                                                      \
         0,                                                                                                  \
         "FILE",                                                                                             \
         "the hosts' keys, instead of those that the guest knows",                                           \
         false},                                                                                             \
        {GIT_NEW_HOST, "accept-new-host", 0, NULL, "take the key of a host that is not known", false},       \
    {                                                                                                        \
        GIT_STORE, "store-credentials", 0, NULL, "keep them in the guest, in clear", false                   \
    }
#define PROGRESS                                                                                             \
    {                                                                                                        \
        GIT_PROGRESS, "progress", 0, NULL, "say how far it is, although standard error is no terminal",      \
            false                                                                                            \
    }

static const struct option clone_options[] = {
    FIELD("branch", 'b', "NAME", "check this branch or tag out"),
    FIELD("depth", 0, "N", "only so many commits of history"),
    FIELD("single-branch", 0, NULL, "only the history of one branch"),
    FIELD("filter", 0, "SPEC", "leave objects for later (blob:none, tree:0, blob:limit=N)"),
    FIELD("recurse-submodules", 0, NULL, "and the submodules"),
    FIELD("sparse-paths", 0, "DIR", "check only this directory out; may be repeated"),
    FIELD("no-checkout", 'n', NULL, "check nothing out"),
    FIELD("bare", 0, NULL, "without a work tree"),
    SECRETS,
    PROGRESS,
    HOW,
    WHO,
};
static const struct option init_options[] = {
    FIELD("initial-branch", 'b', "NAME", "the first branch's name"),
    FIELD("bare", 0, NULL, "without a work tree"),
    HOW,
    WHO,
};
static const struct option status_options[] = {
    FIELD("ignored", 0, NULL, "ignored files, too"),
    FIELD("untracked-files", 0, NULL, "the files in untracked directories one by one"),
    FIELD("limit", 'n', "N", "at most so many entries"),
    WHERE,
    HOW,
    WHO,
};
static const struct option add_options[] = {
    FIELD("all", 'A', NULL, "all changes, removals as well"),
    FIELD("force", 'f', NULL, "ignored files, too"),
    WHERE,
    HOW,
    WHO,
};
static const struct option commit_options[] = {
    FIELD("message", 'm', "TEXT", "its message"),
    FIELD("author", 0, "NAME <EMAIL>", "its author (default as configured)"),
    FIELD("committer", 0, "NAME <EMAIL>", "its committer (default as configured)"),
    FIELD("allow-empty", 0, NULL, "although nothing changed"),
    FIELD("amend", 0, NULL, "in the place of the last one"),
    FIELD("all", 'a', NULL, "with changes of tracked files that are not staged"),
    WHERE,
    HOW,
    WHO,
};
static const struct option log_options[] = {
    FIELD("limit", 'n', "N", "at most so many commits"),
    WHERE,
    HOW,
    WHO,
};
static const struct option diff_options[] = {
    FIELD("staged", 0, NULL, "the index against HEAD"),
    FIELD("from", 0, "COMMIT", "that commit against the work tree"),
    FIELD("to", 0, "COMMIT", "against this one instead"),
    FIELD("context", 'U', "N", "lines around a change (default 3)"),
    WHERE,
    HOW,
    WHO,
};
static const struct option changes_options[] = {
    FIELD("staged", 0, NULL, "the index against HEAD"),
    FIELD("from", 0, "COMMIT", "that commit against the work tree"),
    FIELD("to", 0, "COMMIT", "against this one instead"),
    FIELD("limit", 'n', "N", "at most so many files"),
    WHERE,
    HOW,
    WHO,
};
static const struct option branches_options[] = {
    FIELD("remotes", 'r', NULL, "those of remotes, too"),
    FIELD("limit", 'n', "N", "at most so many"),
    WHERE,
    HOW,
    WHO,
};
static const struct option create_branch_options[] = {
    FIELD("checkout", 0, NULL, "and check it out"),
    FIELD("force", 'f', NULL, "also where there is one of that name"),
    WHERE,
    HOW,
    WHO,
};
static const struct option delete_branch_options[] = {
    FIELD("force", 'f', NULL, "although it is not merged"),
    WHERE,
    HOW,
    WHO,
};
static const struct option checkout_options[] = {
    FIELD("force", 'f', NULL, "throw local changes away"),
    FIELD("detach", 0, NULL, "the commit, not the branch"),
    WHERE,
    HOW,
    WHO,
};
static const struct option remotes_options[] = {WHERE, HOW, WHO};
static const struct option add_remote_options[] = {
    FIELD("overwrite", 0, NULL, "replace one of that name"),
    FIELD("fetch", 'f', NULL, "and fetch from it"),
    SECRETS,
    WHERE,
    HOW,
    WHO,
};
static const struct option fetch_options[] = {
    FIELD("depth", 0, "N", "only so many commits of history"),
    FIELD("unshallow", 0, NULL, "all that a shallow clone left out"),
    FIELD("prune", 'p', NULL, "forget branches that the remote has no more"),
    FIELD("tags", 't', NULL, "all tags, too"),
    FIELD("all", 0, NULL, "from all remotes"),
    SECRETS,
    PROGRESS,
    WHERE,
    HOW,
    WHO,
};
static const struct option pull_options[] = {
    FIELD("mode", 0, "merge|rebase|fast-forward-only",
          "how it comes together (default as configured, else merge)"),
    SECRETS,
    PROGRESS,
    WHERE,
    HOW,
    WHO,
};
static const struct option push_options[] = {
    FIELD("set-upstream", 0, NULL, "from now on the branch follows the remote's"),
    FIELD("force", 'f', NULL, "whatever the remote has"),
    FIELD("force-with-lease", 0, "COMMIT|*", "if the remote is at this commit; *: where it was seen last"),
    FIELD("tags", 0, NULL, "all tags, too"),
    FIELD("delete", 'd', NULL, "delete them there"),
    SECRETS,
    PROGRESS,
    WHERE,
    HOW,
    WHO,
};
static const struct option reset_options[] = {
    FIELD("mode", 0, "soft|mixed|hard|merge|keep", "what is set back with HEAD (default mixed: the index)"),
    WHERE,
    HOW,
    WHO,
};
static const struct option restore_options[] = {
    FIELD("staged", 'S', NULL, "in the index"),
    FIELD("worktree", 'W', NULL, "in the work tree (default without --staged)"),
    FIELD("source", 's', "COMMIT", "as they are there (default the index; with --staged HEAD)"),
    WHERE,
    HOW,
    WHO,
};
static const struct option config_options[] = {
    FIELD("scope", 0, "local|global|system", "which file (default: all to read, local to write)"),
    WHERE,
    WHO,
};
static const struct option set_config_options[] = {
    FIELD("scope", 0, "local|global|system", "which file (default local)"),
    FIELD("add", 0, NULL, "a further value"),
    WHERE,
    WHO,
};
static const struct option run_options[] = {
    {GIT_INPUT, "interactive", 'i', NULL, "our standard input, up to 15 MiB, is git's", false},
    SECRETS,
    WHERE,
    HOW,
    WHO,
};

/* --- the table ------------------------------------------------------------------------------- */

#define OPTIONS(table) table, ARRAY_LEN(table)
#define METHOD(name, lower)                                                                                  \
    name, &guest__v1__##lower##_request__descriptor, &guest__v1__##lower##_response__descriptor
#define VERB(name, operands, summary, text, options)                                                         \
    {                                                                                                        \
        name, operands, summary, text, OPTIONS(options), NULL                                                \
    }

const struct git_row git_rows[] = {
    {VERB("git clone", "URL [DIR]", "clone a repository",
          "Without DIR it goes below the user's home, under the URL's last name. Interrupted, or when it "
          "fails, it leaves nothing.",
          clone_options),
     METHOD("Clone", clone),
     true,
     {"url", "path"},
     1,
     2,
     git_show_clone},
    {VERB("git init", "[DIR]", "make a repository", NULL, init_options),
     METHOD("Init", init),
     false,
     {"path"},
     0,
     1,
     git_show_init},
    {VERB("git status", "[PATH...]", "say what changed in the work tree", "As git status -sb writes it.",
          status_options),
     METHOD("Status", status),
     false,
     {"paths"},
     0,
     -1,
     git_show_status},
    {VERB("git add", "[PATH...]", "stage changes", NULL, add_options),
     METHOD("Add", add),
     false,
     {"paths"},
     0,
     -1,
     NULL},
    {VERB("git commit", "", "record what is staged", "Prints the commit.", commit_options),
     METHOD("Commit", commit),
     false,
     {NULL},
     0,
     0,
     git_show_commit},
    {VERB("git log", "[REVISION [PATH...]]", "list commits", NULL, log_options),
     METHOD("Log", log),
     false,
     {"revision", "paths"},
     0,
     -1,
     git_show_log},
    {VERB("git diff", "[PATH...]", "print a patch",
          "Of the work tree against the index, if the options say nothing else.", diff_options),
     METHOD("Diff", diff),
     true,
     {"paths"},
     0,
     -1,
     git_show_diff},
    {VERB("git changes", "[PATH...]", "list files that changed",
          "A letter, the lines that were added and deleted (-: a binary file), and the path.",
          changes_options),
     METHOD("Changes", changes),
     false,
     {"paths"},
     0,
     -1,
     git_show_changes},
    {VERB("git branches", "", "list branches", NULL, branches_options),
     METHOD("Branches", branches),
     false,
     {NULL},
     0,
     0,
     git_show_branches},
    {VERB("git create-branch", "NAME [START]", "make a branch", NULL, create_branch_options),
     METHOD("CreateBranch", create_branch),
     false,
     {"name", "start"},
     1,
     2,
     NULL},
    {VERB("git delete-branch", "NAME", "delete a branch", NULL, delete_branch_options),
     METHOD("DeleteBranch", delete_branch),
     false,
     {"name"},
     1,
     1,
     NULL},
    {VERB("git checkout", "TARGET", "switch to a branch, a tag or a commit", NULL, checkout_options),
     METHOD("Checkout", checkout),
     false,
     {"target"},
     1,
     1,
     git_show_checkout},
    {VERB("git remotes", "[NAME]", "list remotes", NULL, remotes_options),
     METHOD("Remotes", remotes),
     false,
     {"name"},
     0,
     1,
     git_show_remotes},
    {VERB("git add-remote", "NAME URL", "add a remote", NULL, add_remote_options),
     METHOD("AddRemote", add_remote),
     false,
     {"name", "url"},
     2,
     2,
     NULL},
    {VERB("git set-remote", "NAME URL", "change a remote's URL", NULL, remotes_options),
     METHOD("SetRemote", set_remote),
     false,
     {"name", "url"},
     2,
     2,
     NULL},
    {VERB("git remove-remote", "NAME", "forget a remote", NULL, remotes_options),
     METHOD("RemoveRemote", remove_remote),
     false,
     {"name"},
     1,
     1,
     NULL},
    {VERB("git fetch", "[REMOTE [REFSPEC...]]", "fetch from a remote", NULL, fetch_options),
     METHOD("Fetch", fetch),
     true,
     {"remote", "refspecs"},
     0,
     -1,
     git_show_fetch},
    {VERB("git pull", "[REMOTE BRANCH]", "fetch, and bring it into the branch", NULL, pull_options),
     METHOD("Pull", pull),
     true,
     {"remote", "branch"},
     0,
     2,
     git_show_pull},
    {VERB("git push", "[REMOTE [REFSPEC...]]", "send commits to a remote", NULL, push_options),
     METHOD("Push", push),
     true,
     {"remote", "refspecs"},
     0,
     -1,
     git_show_push},
    {VERB("git reset", "[TARGET [PATH...]]", "set the branch back, or paths in the index", NULL,
          reset_options),
     METHOD("Reset", reset),
     false,
     {"target", "paths"},
     0,
     -1,
     git_show_reset},
    {VERB("git restore", "PATH...", "set files back", NULL, restore_options),
     METHOD("Restore", restore),
     false,
     {"paths"},
     1,
     -1,
     NULL},
    {VERB("git get-config", "KEY", "print the values of a key", NULL, config_options),
     METHOD("GetConfig", get_config),
     false,
     {"key"},
     1,
     1,
     git_show_get_config},
    {VERB("git set-config", "KEY VALUE", "set a key", NULL, set_config_options),
     METHOD("SetConfig", set_config),
     false,
     {"key", "value"},
     2,
     2,
     NULL},
    {VERB("git unset-config", "KEY", "remove a key", NULL, config_options),
     METHOD("UnsetConfig", unset_config),
     false,
     {"key"},
     1,
     1,
     NULL},
    {VERB("git list-config", "", "list keys and values", NULL, config_options),
     METHOD("ListConfig", list_config),
     false,
     {NULL},
     0,
     0,
     git_show_list_config},
    {VERB("git configure-user", "NAME EMAIL", "set user.name and user.email", NULL, config_options),
     METHOD("ConfigureUser", configure_user),
     false,
     {"name", "email"},
     2,
     2,
     NULL},
    {VERB("git run", "ARG...", "run any git command", "The exit code is git's; 128 when a signal ended it.",
          run_options),
     "Run",
     &guest__v1__run_git_request__descriptor,
     &guest__v1__run_git_response__descriptor,
     true,
     {"args"},
     1,
     -1,
     NULL},
};
const size_t git_row_count = ARRAY_LEN(git_rows);
