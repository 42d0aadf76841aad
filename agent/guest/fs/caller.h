/* For whom a file operation is: the user whose files are made and whose home paths begin at, and the identity that the kernel
 * checks (--files-as). Filled on the loop, used in one worker, cleared on the loop. */
#ifndef GUEST_FS_CALLER_H
#define GUEST_FS_CALLER_H

#include "guest/settings.h"
#include "guest/users.h"

struct fs_caller {
    char *name;            /* the user who was asked for; NULL: the default user */
    struct guest_env *env; /* the default user and working directory */
    bool as_user;          /* the kernel decides over the user, not over us */
};

/* Takes a copy of the name and a reference to env. Returns 0, or -1 when out of memory. */
MUST_CHECK int fs_caller_init(struct fs_caller *c, const char *name, struct guest_env *env, bool as_user);
void fs_caller_clear(struct fs_caller *c);

/* On the loop's thread: the user, on the heap, if users_cached knows it. NULL: a worker has to ask. */
struct user *fs_caller_cached(const struct fs_caller *c, const struct users_stamps *now);

/* --- in a worker ----------------------------------------------------------------------------- */

/* The user, on the heap (one allocation). NULL with *e: unauthenticated when there is none of that name. */
struct user *fs_caller_user(const struct fs_caller *c, struct err *e);

/* The absolute path that the caller means, on the heap: path_resolve. NULL with *e. */
char *fs_caller_path(const struct fs_caller *c, const struct user *u, const char *path, struct err *e);

/* With as_user this thread's file system uid, gid and groups become the user's (setfsuid(2)) until fs_caller_leave; else nothing.
 * Returns 0, or -1 with *e: permission_denied. */
MUST_CHECK int fs_caller_enter(const struct fs_caller *c, const struct user *u, struct err *e);
void fs_caller_leave(const struct fs_caller *c);

#endif
