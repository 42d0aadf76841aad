/* Arming: a worker asks inotify to watch a directory and, where wanted, every one below it. Each is watched first and read then,
 * so nothing can be made in it that neither inotify tells nor the reading finds. */
#ifndef GUEST_FS_WATCH_ARM_H
#define GUEST_FS_WATCH_ARM_H

#include "guest/fs/caller.h"

enum {
    WATCH_NO_DIR = -1,    /* something else than a directory */
    WATCH_NOT_ARMED = -2, /* a directory that could not be watched: gone again, not readable, on a network */
};

struct watch_found {
    uint32_t parent; /* index of the directory it lies in */
    uint32_t name;   /* offset in `names` */
    int wd;          /* inotify's number for it, or one of the above */
};

struct watch_arm {
    /* in; owned */
    int inotify_fd; /* the caller's */
    struct fs_caller caller;
    char *path;     /* `first`: as the client has it; else absolute */
    bool first;     /* the watcher's own directory: why it cannot be watched is told */
    bool follow;    /* it may be a link to one */
    bool recursive; /* all below too */
    bool network;   /* network file systems are watched */
    bool files;     /* what is no directory is found too */
    size_t max;     /* directories that may be found */

    /* out; owned */
    int result;       /* -1: *error. What was found up to then is watched */
    struct err error; /* not_found, invalid_argument, permission_denied, resource_exhausted, internal */
    char *root;       /* `first`: the absolute path */
    struct watch_found *found; /* parents before what is in them; 0 is the directory itself */
    size_t count, cap;
    size_t file_count;
    char *names; /* each with a NUL; the directory's own is "" */
    size_t names_len, names_cap;
    bool partial; /* there was more than WATCH_EVENTS_MAX files, `max` directories, or inotify's watches */
};

/* In a worker. */
void watch_arm_run(struct watch_arm *a);

/* Frees what it holds. On the loop. */
void watch_arm_clear(struct watch_arm *a);

/* Whether a number of statfs(2) is that of a file system whose changes elsewhere the kernel does not tell. */
bool watch_arm_network(uint32_t type);

#endif
