#include "init/disks.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "guest/fs/mounts.h"

#define MOUNTS_FILE "/proc/self/mountinfo"

/* They have no disk, and are gone with the machine. */
static const char *const memory_types[] = {
    "autofs",   "binfmt_misc", "bpf",        "cgroup",    "cgroup2", "configfs", "debugfs", "devpts",
    "devtmpfs", "efivarfs",    "fusectl",    "hugetlbfs", "mqueue",  "nsfs",     "proc",    "pstore",
    "ramfs",    "rootfs",      "securityfs", "sysfs",     "tmpfs",   "tracefs",
};

struct point {
    STAILQ_ENTRY(point) link;
    char path[];
};
STAILQ_HEAD(points, point);

static bool has_data(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(memory_types); i++)
        if (strcmp(type, memory_types[i]) == 0)
            return false;
    return true;
}

/* "36 35 98:0 /root /mnt/point rw,noatime master:1 - ext3 /dev/root rw" (proc(5)): the fifth word, and the first behind the
 * dash. Puts the newest first. */
static void take_line(struct points *all, char *line)
{
    char *type = strstr(line, " - "), *path = NULL, *rest = line;
    struct point *p;
    size_t size;

    for (int i = 0; i < 5; i++)
        path = strsep(&rest, " ");
    if (!type || !path)
        return;
    type += 3;
    type[strcspn(type, " \n")] = 0;
    mounts_unescape(path);
    size = strlen(path) + 1;
    p = has_data(type) ? malloc(sizeof *p + size) : NULL;
    if (!p)
        return;
    memcpy(p->path, path, size);
    STAILQ_INSERT_HEAD(all, p, link);
}

static void read_points(struct points *all)
{
    CLEANUP_FREE char *line = NULL; /* the kernel bounds it: two paths, and a page of options */
    FILE *f = fopen(MOUNTS_FILE, "re");
    size_t size = 0;

    STAILQ_INIT(all);
    while (f && getline(&line, &size, f) > 0)
        take_line(all, line);
    if (f)
        fclose(f);
}

/* Returns whether the file system is as good as gone. */
static bool let_go(const char *path)
{
    return umount2(path, UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT ||
           mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0;
}

struct work {
    bool unmount;
    unsigned busy;
};

static void *run(void *arg)
{
    struct work *w = arg;
    struct points all;
    struct point *p;

    sync();
    if (!w->unmount)
        return NULL;
    read_points(&all);
    while ((p = STAILQ_FIRST(&all))) {
        STAILQ_REMOVE_HEAD(&all, link);
        w->busy += !let_go(p->path);
        free(p);
    }
    return NULL;
}

bool disks_let_go(bool unmount, unsigned ms, unsigned *busy)
{
    static struct work work; /* a thread that hangs still has it when we are gone */
    struct timespec until;
    pthread_t thread;

    work = (struct work){.unmount = unmount};
    if (pthread_create(&thread, NULL, run, &work) != 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0)
        return false;
    *busy = work.busy;
    return true;
}
