/* The mounts that may hang: network file systems, FUSE, 9p, virtiofs, and types that nobody here knows. A path is told to
 * lie on one by its text alone, without a look at the file system, which could hang.
 *
 * The table is read from /proc/self/mountinfo, which only reads the kernel's memory, and again whenever the kernel says that it
 * has changed. Threads: the loop's. */
#ifndef GUEST_FS_MOUNTS_H
#define GUEST_FS_MOUNTS_H

#include "core/loop.h"

struct mount {
    char *point;   /* without a slash at its end; "" is the root */
    uint64_t lane; /* 0: a fast one inside a slow one */
    uint64_t id;   /* as statx(2) has it */
};

struct mounts {
    struct loop *loop;
    struct mount *list; /* in the order of the mounts; of one point the last counts */
    size_t count, room;
    const char *path;
    int fd; /* of it; -1: there is no /proc, and no mount is known */
    ev_io io;
};

/* Reads the table and watches it. Without /proc, or without memory, no mount is known. */
void mounts_init(struct mounts *m, struct loop *loop);
void mounts_destroy(struct mounts *m);

/* The lane (core/jobs.h) of calls on an absolute path: 0 on a disk or in memory, else the device number of the slow file
 * system. Symbolic links are not followed: a call that crosses one into a slow mount has the lane of where it began. */
uint64_t mounts_lane(const struct mounts *m, const char *path);

/* Whether the mount with that id is one of the slow ones. */
bool mounts_slow(const struct mounts *m, uint64_t id);

/* Whether calls on a file system of that type never wait for a network or a process. */
bool mounts_is_fast(const char *type);

/* Adds what a line of mountinfo says, if it matters. Returns 0, or -1 when out of memory. For tests. */
MUST_CHECK int mounts_add(struct mounts *m, char *line);

/* A path as the kernel's table of mounts has it, as it is: space, tab, newline and backslash stand there as \ooo (proc(5)). In
 * place. */
void mounts_unescape(char *s);

#endif
