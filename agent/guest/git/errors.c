#include "guest/git/errors.h"

/* --- reasons --------------------------------------------------------------------------------- */

static const struct {
    const char *words;
    enum git_reason reason;
} table[] = {
    /* The cause before what follows from it: the first that is found counts. */
    {"No space left on device", GIT_DISK_FULL},
    {"Disk quota exceeded", GIT_DISK_FULL},
    {"detected dubious ownership in repository", GIT_DUBIOUS_OWNERSHIP}, /* since 2.35.3 */
    {"fatal: unsafe repository (", GIT_DUBIOUS_OWNERSHIP},  /* 2.35.2 and what was mended like it */
    {"Host key verification failed", GIT_HOST_KEY_UNKNOWN}, /* ssh's */
    {".lock': File exists", GIT_LOCKED},
    {"config: File exists", GIT_LOCKED}, /* "could not lock config file /root/.gitconfig: File exists" */

    {"Authentication failed for", GIT_AUTH_FAILED},
    {"could not read Username for", GIT_AUTH_FAILED},
    {"could not read Password for", GIT_AUTH_FAILED},
    {"The requested URL returned error: 401", GIT_AUTH_FAILED},
    {"The requested URL returned error: 403", GIT_AUTH_FAILED},
    {"Permission denied (", GIT_AUTH_FAILED}, /* ssh's, with the methods that it tried */
    {"Too many authentication failures", GIT_AUTH_FAILED},
    {"unable to update url base from redirection", GIT_BAD_URL},

    {"Could not resolve host", GIT_HOST_UNREACHABLE}, /* curl's, and ssh's "hostname" */
    {"unable to look up ", GIT_HOST_UNREACHABLE},     /* of git:// */
    {"Failed to connect to", GIT_HOST_UNREACHABLE},
    {"Couldn't connect to server", GIT_HOST_UNREACHABLE}, /* curl since 8.0 */
    {"unable to connect to", GIT_HOST_UNREACHABLE},
    {"Connection refused", GIT_HOST_UNREACHABLE},
    {"Connection timed out", GIT_HOST_UNREACHABLE},
    {"Connection reset by", GIT_HOST_UNREACHABLE},
    {"No route to host", GIT_HOST_UNREACHABLE},
    {"Network is unreachable", GIT_HOST_UNREACHABLE},
    {"The requested URL returned error: 5", GIT_HOST_UNREACHABLE},

    {"transport 'ext' not allowed", GIT_BAD_URL},
    {"' not allowed", GIT_BAD_URL}, /* "transport 'file' not allowed" */
    {"unable to find remote helper for", GIT_BAD_URL},
    {"Unable to find remote helper for", GIT_BAD_URL}, /* before 2.34 */
    {"' is not a git command", GIT_BAD_URL}, /* "git: 'remote-x' is", where x is like one that there is */
    {"URL using bad/illegal format", GIT_BAD_URL},
    {"URL rejected", GIT_BAD_URL}, /* curl since 8.0 */
    {"strange hostname", GIT_BAD_URL},
    {"strange pathname", GIT_BAD_URL},
    {"credential url cannot be parsed", GIT_BAD_URL},

    {"does not appear to be a git repository", GIT_REPOSITORY_NOT_FOUND},
    {"access denied or repository not exported", GIT_REPOSITORY_NOT_FOUND},
    {"' does not exist\n", GIT_REPOSITORY_NOT_FOUND}, /* "repository '/x' does not exist" */
    {"Repository not found", GIT_REPOSITORY_NOT_FOUND},
    {"/' not found", GIT_REPOSITORY_NOT_FOUND}, /* "repository 'http://host/x/' not found" */
    {"not a git repository", GIT_NOT_A_REPOSITORY},
    {"this operation must be run in a work tree", GIT_NOT_A_REPOSITORY},
    {"can only be used inside a git repository", GIT_NOT_A_REPOSITORY}, /* git config --local */
    {"not in a git directory", GIT_NOT_A_REPOSITORY},                   /* the same, to write */

    {"has no upstream branch", GIT_NO_UPSTREAM},
    {"no tracking information for the current branch", GIT_NO_UPSTREAM},
    {"no upstream configured", GIT_NO_UPSTREAM},
    {"No configured push destination", GIT_NO_UPSTREAM},
    {"You are not currently on a branch", GIT_NO_UPSTREAM},

    {"CONFLICT (", GIT_CONFLICT},
    {"unmerged files", GIT_CONFLICT},
    {"resolve your current index first", GIT_CONFLICT},
    {"Automatic merge failed", GIT_CONFLICT},
    {"could not apply ", GIT_CONFLICT},
    {"is unmerged", GIT_CONFLICT},
    {"in the middle of a", GIT_CONFLICT}, /* merge, cherry-pick, rebase: it is to be ended first */

    {"(non-fast-forward)", GIT_NON_FAST_FORWARD},
    {"(fetch first)", GIT_NON_FAST_FORWARD},
    {"(stale info)", GIT_NON_FAST_FORWARD},
    {"(would clobber existing tag)", GIT_NON_FAST_FORWARD},
    {"Not possible to fast-forward", GIT_NON_FAST_FORWARD},
    {"Need to specify how to reconcile divergent branches", GIT_NON_FAST_FORWARD},

    {"would be overwritten by", GIT_LOCAL_CHANGES},
    {"Please commit your changes or stash them", GIT_LOCAL_CHANGES},
    {"Please commit or stash them", GIT_LOCAL_CHANGES}, /* of pull --rebase */
    {"You have unstaged changes", GIT_LOCAL_CHANGES},
    {"not uptodate. Cannot merge", GIT_LOCAL_CHANGES},

    {"nothing to commit", GIT_NOTHING_TO_COMMIT},
    {"nothing added to commit", GIT_NOTHING_TO_COMMIT},
    {"no changes added to commit", GIT_NOTHING_TO_COMMIT},
    {"You asked to amend the most recent commit, but doing so would make", GIT_NOTHING_TO_COMMIT},
    {"You have nothing to amend", GIT_NOTHING_TO_COMMIT},

    {"Please tell me who you are", GIT_NO_IDENTITY},
    {"empty ident name", GIT_NO_IDENTITY},
    {"unable to auto-detect email address", GIT_NO_IDENTITY},
    {"auto-detection is disabled", GIT_NO_IDENTITY},

    {"is not fully merged", GIT_NOT_MERGED},
    {"checked out at", GIT_CHECKED_OUT},
    {"used by worktree at", GIT_CHECKED_OUT}, /* since 2.42 */
    {"are ignored by one of your .gitignore files", GIT_IGNORED},
    {"exists; cannot create", GIT_ALREADY_EXISTS}, /* a branch "a" where "a/b" is to be */

    {"already exists", GIT_ALREADY_EXISTS}, /* directories, branches, remotes, tags */

    {"unknown revision or path", GIT_UNKNOWN_REF},
    {"bad revision", GIT_UNKNOWN_REF},
    {"bad object", GIT_UNKNOWN_REF},
    {"invalid reference", GIT_UNKNOWN_REF},
    {"invalid upstream", GIT_UNKNOWN_REF},
    {"alid object name", GIT_UNKNOWN_REF}, /* "not a valid", "Not a valid", "invalid" */
    {"couldn't find remote ref", GIT_UNKNOWN_REF},
    {"not found in upstream", GIT_UNKNOWN_REF}, /* "Remote branch x not found in upstream origin" */
    {"did not match any", GIT_UNKNOWN_REF},     /* "pathspec 'x' did not match any file(s) known to git" */
    {"does not match any", GIT_UNKNOWN_REF},    /* "src refspec x does not match any" */
    {"does not have any commits yet", GIT_UNKNOWN_REF},
    {"' not found", GIT_UNKNOWN_REF}, /* "branch 'x' not found" */
    {"is not a commit", GIT_UNKNOWN_REF},
    {"reference is not a tree: ", GIT_UNKNOWN_REF}, /* nor a commit: "main:file" */
    {"No such remote", GIT_UNKNOWN_REF},
    {"Failed to resolve '", GIT_UNKNOWN_REF},
    {"could not resolve ", GIT_UNKNOWN_REF},
    {"matched multiple (", GIT_UNKNOWN_REF}, /* remotes have a branch of that name */

    {"Permission denied", GIT_NO_PERMISSION},
    {"Read-only file system", GIT_NO_PERMISSION},
    {"insufficient permission for adding an object", GIT_NO_PERMISSION},
};

enum git_reason git_errors_reason(struct bytes text)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (memmem(text.ptr, text.len, table[i].words, strlen(table[i].words)))
            return table[i].reason;
    return GIT_UNSPECIFIED;
}

enum git_reason git_errors_rejection(struct bytes why, enum git_reason otherwise)
{
    static const char *const behind[] = {"non-fast-forward", "fetch first", "stale info", "needs force",
                                         "remote ref updated since checkout"};

    for (size_t i = 0; i < ARRAY_LEN(behind); i++)
        if (bytes_are(why, behind[i]))
            return GIT_NON_FAST_FORWARD;
    return bytes_are(why, "already exists") ? GIT_ALREADY_EXISTS : otherwise;
}

enum status git_errors_status(enum git_reason reason)
{
    /* A password that a server does not take is no failed authentication of ours: a client would ask for another token. */
    static const uint8_t statuses[GIT_REASONS] = {
        [GIT_UNSPECIFIED] = STATUS_UNKNOWN,
        [GIT_NO_GIT] = STATUS_FAILED_PRECONDITION,
        [GIT_AUTH_FAILED] = STATUS_PERMISSION_DENIED,
        [GIT_HOST_UNREACHABLE] = STATUS_UNAVAILABLE,
        [GIT_HOST_KEY_UNKNOWN] = STATUS_FAILED_PRECONDITION,
        [GIT_NOT_A_REPOSITORY] = STATUS_FAILED_PRECONDITION,
        [GIT_NO_UPSTREAM] = STATUS_FAILED_PRECONDITION,
        [GIT_CONFLICT] = STATUS_ABORTED,
        [GIT_NON_FAST_FORWARD] = STATUS_FAILED_PRECONDITION,
        [GIT_LOCKED] = STATUS_ABORTED,
        [GIT_DUBIOUS_OWNERSHIP] = STATUS_PERMISSION_DENIED,
        [GIT_NOTHING_TO_COMMIT] = STATUS_FAILED_PRECONDITION,
        [GIT_UNKNOWN_REF] = STATUS_NOT_FOUND,
        [GIT_DISK_FULL] = STATUS_RESOURCE_EXHAUSTED,
        [GIT_BAD_URL] = STATUS_INVALID_ARGUMENT,
        [GIT_CANCELED] = STATUS_CANCELED,
        [GIT_TIMED_OUT] = STATUS_DEADLINE_EXCEEDED,
        [GIT_ALREADY_EXISTS] = STATUS_ALREADY_EXISTS,
        [GIT_REPOSITORY_NOT_FOUND] = STATUS_NOT_FOUND,
        [GIT_NO_IDENTITY] = STATUS_FAILED_PRECONDITION,
        [GIT_LOCAL_CHANGES] = STATUS_FAILED_PRECONDITION,
        [GIT_NOT_MERGED] = STATUS_FAILED_PRECONDITION,
        [GIT_CHECKED_OUT] = STATUS_FAILED_PRECONDITION,
        [GIT_IGNORED] = STATUS_FAILED_PRECONDITION,
        [GIT_NO_PERMISSION] = STATUS_PERMISSION_DENIED,
    };

    return (enum status)statuses[reason];
}

/* --- lines ----------------------------------------------------------------------------------- */

/* Cuts the next line, which a line feed or a carriage return ends, off the front of *text. */
static struct bytes next_line(struct bytes *text)
{
    struct bytes line = *text;

    for (size_t i = 0; i < text->len; i++) {
        if (text->ptr[i] == '\n' || text->ptr[i] == '\r') {
            line.len = i;
            text->ptr += i + 1;
            text->len -= i + 1;
            return line;
        }
    }
    text->len = 0;
    return line;
}

/* Whether the line begins so; *rest is what follows. */
static bool begins(struct bytes line, const char *word, struct bytes *rest)
{
    size_t n = strlen(word);

    if (line.len < n || memcmp(line.ptr, word, n) != 0)
        return false;
    *rest = (struct bytes){line.ptr + n, line.len - n};
    return true;
}

/* What a "fatal: " comes to, `before` being the line before it and `text` what follows it. Two of them only say that something has
 * failed: what did was said by ssh before, or is said for each address behind. */
static struct bytes cause(struct bytes fatal, struct bytes before, struct bytes text)
{
    struct bytes rest, other = {0};

    if (bytes_are(fatal, "Could not read from remote repository.") && !begins(before, "Cloning into ", &rest))
        other = before;
    else if (begins(fatal, "unable to connect to ", &rest))
        other = bytes_trim(next_line(&text));
    return other.len > 0 ? other : fatal;
}

struct bytes git_errors_line(struct bytes text)
{
    struct bytes fatal = {0}, error = {0}, last = {0};

    while (text.len > 0) {
        struct bytes line = bytes_trim(next_line(&text));

        if (begins(line, "fatal: ", &fatal))
            fatal = cause(fatal, last, text);
        else if (line.len > 0 && !begins(line, "error: ", &error) && !begins(line, "git: ", &error))
            last = line;
    }
    return fatal.len > 0 ? fatal : error.len > 0 ? error : last;
}

struct bytes git_errors_lock(struct bytes text)
{
    static const char end[] = ".lock': File exists";
    const char *at = text.len > 0 ? memmem(text.ptr, text.len, end, sizeof end - 1) : NULL;
    const char *start = at;

    if (!at)
        return (struct bytes){0};
    while (start > text.ptr && start[-1] != '\'' && start[-1] != '\n')
        start--;
    return start > text.ptr && start[-1] == '\'' ? (struct bytes){start, (size_t)(at - start) + 5}
                                                 : (struct bytes){0};
}
