/* Users and groups, as /etc/passwd and /etc/group have them: a static glibc has no NSS.
 *
 * Look-ups are blocking file reads: call them in a worker. A small cache keeps what was found last, as long
 * as neither file has changed. Threads: any; the cache has a lock. */
#ifndef GUEST_USERS_H
#define GUEST_USERS_H

#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "core/err.h"

struct user {
    uid_t uid;
    gid_t gid;
    size_t group_count;
    gid_t *groups; /* supplementary, with gid among them as initgroups(3) has it */
    char *name;
    char *home;
    char *shell;
};

/* The user of that name, or, when there is none and the name is a number, of that uid. One allocation:
 * free(). NULL with *e: not_found when there is no such user, internal when the files cannot be read,
 * resource_exhausted. */
struct user *users_find(const char *name, struct err *e);

/* The home of the user that users_find found by that name, on the heap, without a look at any file: it may be out of date. NULL
 * when it is not in the cache, or somebody else is in there now. It never waits: for the loop. */
char *users_cached_home(const char *name);

/* *gid: the group of that name, or, when there is none and the name is a number, that. Returns 0, or -1 with *e: as
 * users_find. */
MUST_CHECK int users_group(const char *name, gid_t *gid, struct err *e);

/* What tells that a file is the one that was read before; all 0 without one. */
struct users_stamp {
    struct timespec mtime, ctime;
    ino_t ino;
    off_t size;
};

/* Of "passwd" or "group". Take it before reading: what changes meanwhile is noticed the next time. */
struct users_stamp users_stamp(const char *file);
bool users_same(const struct users_stamp *a, const struct users_stamp *b);

/* Both at once, for the loop: of what the kernel has in memory (guest/cached.h). False when that cannot be said without waiting, and
 * when a file has changed, until users_find has looked. */
struct users_stamps {
    struct users_stamp passwd, group;
};
bool users_stamps_cached(struct users_stamps *out);

/* As users_find, for the loop: a user who was found before, while the files had these stamps. NULL for everybody else, when out of
 * memory, and when somebody else is in the cache now: it never waits. */
struct user *users_cached(const char *name, const struct users_stamps *now);

/* "passwd" or "group", to be read; the caller closes it. NULL with *e: not_found when there is no such file,
 * resource_exhausted, internal. */
FILE *users_open(const char *file, struct err *e);

/* Where the files are: "/etc" unless a test says otherwise. Empties the cache. */
void users_set_directory(const char *dir);

#endif
