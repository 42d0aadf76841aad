/* What went wrong, in one word: told from what git says in locale C. */
#ifndef GUEST_GIT_ERRORS_H
#define GUEST_GIT_ERRORS_H

#include "core/err.h"

/* With the numbers of guest.v1.GitFailure.Reason, which says what they mean. */
enum git_reason {
    GIT_UNSPECIFIED,
    GIT_NO_GIT,
    GIT_AUTH_FAILED,
    GIT_HOST_UNREACHABLE,
    GIT_HOST_KEY_UNKNOWN,
    GIT_NOT_A_REPOSITORY,
    GIT_NO_UPSTREAM,
    GIT_CONFLICT,
    GIT_NON_FAST_FORWARD,
    GIT_LOCKED,
    GIT_DUBIOUS_OWNERSHIP,
    GIT_NOTHING_TO_COMMIT,
    GIT_UNKNOWN_REF,
    GIT_DISK_FULL,
    GIT_BAD_URL,
    GIT_CANCELED,
    GIT_TIMED_OUT,
    GIT_ALREADY_EXISTS,
    GIT_REPOSITORY_NOT_FOUND,
    GIT_NO_IDENTITY,
    GIT_LOCAL_CHANGES,
    GIT_NOT_MERGED,
    GIT_CHECKED_OUT,
    GIT_IGNORED,
    GIT_NO_PERMISSION,
    GIT_REASONS
};

/* The reason that the words of a failed git give; GIT_UNSPECIFIED: none of those that are known. */
enum git_reason git_errors_reason(struct bytes text);

/* The reason that a reference was rejected for, as git push says it in parentheses; `otherwise` where it is none that is known. */
enum git_reason git_errors_rejection(struct bytes why, enum git_reason otherwise);

/* The status of a call that failed for that reason. */
enum status git_errors_status(enum git_reason reason);

/* The line that says most: git's last "fatal: " (or, where that only says that something failed, the line that says what did), else its
 * last "error: " or "git: ", else its last; without that word. Part of text. */
struct bytes git_errors_line(struct bytes text);

/* The lock file that the text names, part of it; empty: it names none. */
struct bytes git_errors_lock(struct bytes text);

#endif
