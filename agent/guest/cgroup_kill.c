/* Signals to everything in a leaf: by the kernel in one step (cgroup.kill, Linux 5.14), or process by process.
 *
 * One by one, what forks meanwhile escapes. So before it kills the leaf is frozen: who is in it forks at most once more, and what is
 * born in a frozen cgroup is frozen. SIGKILL ends the frozen too (cgroup-v2.rst), and comes again until nobody is left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/limits.h"
#include "guest/cgroup.h"

#define FIRST_WAIT_US 500 /* between two rounds; twice as long each time, up to LAST_WAIT_US */
#define LAST_WAIT_US  64000

struct cgroup_kill {
    struct job job;
    LIST_ENTRY(cgroup_kill) link; /* in `killing` */
    struct cgroups *cgroups;
    int dir; /* of the class */
    char id[24];
    bool again; /* somebody asked for it while the worker was at it, who may have been through */
};

/* Signals every process in the cgroup `name` of the directory. Returns how many got it, or -1 with errno. */
static int signal_members(int dir, const char *name, int signo)
{
    char path[NAME_MAX + 16], line[32];
    int fd, count = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/cgroup.procs", name);
    fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    f = fd >= 0 ? fdopen(fd, "re") : NULL;
    if (!f) {
        fd_close(&fd);
        return -1;
    }
    while (fgets(line, sizeof line, f)) {
        pid_t pid = (pid_t)strtol(line, NULL, 10);

        if (pid > 0) /* 0: of another pid namespace */
            count += kill(pid, signo) == 0;
    }
    fclose(f);
    return count;
}

int cgroup_leaf_signal(const struct cgroups *c, enum cgroup_class k, const char *id, int signo)
{
    return signal_members(c->dirs[k], id, signo) < 0 ? -1 : 0;
}

/* SIGKILL for all in the cgroup and in those below it, which a program with the right to may have made. *room: how many cgroups may
 * still be looked into. Returns how many got it. */
static int kill_below(int dir, const char *name, unsigned depth, unsigned *room)
{
    int count = signal_members(dir, name, SIGKILL);
    CLEANUP_FD int fd = -1;
    DIR *d;

    count = MAX(count, 0);
    if (depth == LEAF_DEPTH_MAX || *room == 0)
        return count;
    --*room;
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d)
        return count;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_type == DT_DIR && e->d_name[0] != '.')
            count += kill_below(fd, e->d_name, depth + 1, room);
    fd_take(&fd); /* closedir has it */
    closedir(d);
    return count;
}

/* Freezes the leaf, which those below it follow, or thaws it. Best effort: the kernel has that since 5.2. */
static void set_frozen(int dir, const char *id, bool frozen)
{
    char path[64];

    snprintf(path, sizeof path, "%s/cgroup.freeze", id);
    (void)!fd_write_file(dir, path, frozen ? "1" : "0");
}

/* One round. Returns whether somebody was left to kill; if not, the leaf is thawed. */
static bool kill_round(int dir, const char *id)
{
    unsigned room = LEAF_GROUPS_MAX;

    set_frozen(dir, id, true);
    if (kill_below(dir, id, 0, &room) > 0)
        return true;
    set_frozen(dir, id, false);
    return false;
}

static void run_kill(struct job *j)
{
    struct cgroup_kill *w = CONTAINER_OF(j, struct cgroup_kill, job);
    uint64_t end = clock_mono_ms() + LEAF_KILL_MS;
    long wait_us = FIRST_WAIT_US;

    do {
        nanosleep(&(struct timespec){.tv_nsec = wait_us * 1000}, NULL);
        wait_us = MIN(2 * wait_us, LAST_WAIT_US);
        if (!kill_round(w->dir, w->id))
            return;
    } while (clock_mono_ms() < end);
    set_frozen(w->dir, w->id,
               false); /* who is left has SIGKILL waiting, and hangs in a call that cannot be interrupted */
}

static void kill_done(struct job *j)
{
    struct cgroup_kill *w = CONTAINER_OF(j, struct cgroup_kill, job);

    if (w->again) {
        w->again = false;
        if (jobs_submit(w->cgroups->jobs, &w->job, NULL) == 0)
            return;
        set_frozen(w->dir, w->id, false);
    }
    LIST_REMOVE(w, link);
    w->cgroups->removing--;
    free(w);
}

/* Whether a worker is at it, who then begins again. */
static bool worker_begins_again(const struct cgroups *c, const char *id)
{
    struct cgroup_kill *w;

    LIST_FOREACH (w, &c->killing, link) {
        if (strcmp(w->id, id) == 0) {
            w->again = true;
            return true;
        }
    }
    return false;
}

/* Hands the rounds that follow to a worker. Where that cannot be, the first was all, and who forked just then lives. */
static void go_on_killing(struct cgroups *c, enum cgroup_class k, const char *id)
{
    struct cgroup_kill *w = malloc(sizeof *w);

    if (w) {
        *w = (struct cgroup_kill){
            .job = {.run = run_kill, .done = kill_done}, .cgroups = c, .dir = c->dirs[k]};
        snprintf(w->id, sizeof w->id, "%s", id);
    }
    if (!w || jobs_submit(c->jobs, &w->job, NULL) < 0) {
        free(w);
        set_frozen(c->dirs[k], id, false);
        return;
    }
    c->removing++;
    LIST_INSERT_HEAD(&c->killing, w, link);
}

int cgroup_leaf_kill(struct cgroups *c, enum cgroup_class k, const char *id)
{
    char path[64];
    struct stat st;

    if (!c->by_hand) {
        snprintf(path, sizeof path, "%s/cgroup.kill", id);
        if (fd_write_file(c->dirs[k], path, "1") == 0)
            return 0;
        if (errno != ENOENT || fstatat(c->dirs[k], id, &st, 0) < 0)
            return -1;
        c->by_hand = true;
    }
    if (kill_round(c->dirs[k], id) && !worker_begins_again(c, id))
        go_on_killing(c, k, id);
    return 0;
}
