#include "guest/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "core/fd.h"
#include "core/log.h"

static const char *const class_names[] = {[CGROUP_USER] = "user", [CGROUP_PTYS] = "ptys"};

struct cgroup_leaf {
    struct job job;
    LIST_ENTRY(cgroup_leaf) link; /* in `waiting` */
    struct cgroups *cgroups;
    enum cgroup_class class;
    int dir;   /* of the class */
    int error; /* errno of rmdir, or 0 */
    int watch; /* inotify's, or -1 */
    char id[24];
};

static bool is_cgroup2(const char *path)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* The mount point of cgroup2 in /proc/self/mountinfo: fields 5 (mount point) and, behind " - ", the type
 * (proc(5)). */
static bool find_mount(char out[256])
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    char line[4096];
    bool found = false;

    while (f && !found && fgets(line, sizeof line, f)) {
        char *type = strstr(line, " - "), *rest = line, *point = NULL;

        if (!type || strncmp(type + 3, "cgroup2 ", 8) != 0)
            continue;
        for (int field = 1; field <= 5; field++)
            point = strsep(&rest, " ");
        found = point && snprintf(out, 256, "%s", point) < 256 && is_cgroup2(out);
    }
    if (f)
        fclose(f);
    return found;
}

/* The agent's own cgroup in that hierarchy ("0::/path"). Returns false without one. */
static bool find_own(char out[256])
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[512];
    bool found = false;

    while (f && !found && fgets(line, sizeof line, f)) {
        if (strncmp(line, "0::/", 4) == 0) {
            line[strcspn(line, "\n")] = 0;
            found = snprintf(out, 256, "%s", line + 3) < 256;
        }
    }
    if (f)
        fclose(f);
    return found;
}

/* An inner cgroup with controllers may hold no process, so the agent leaves it for a leaf. */
static int move_self(const char *root)
{
    CLEANUP_FD int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0 || (mkdirat(dir, "agent", 0755) < 0 && errno != EEXIST))
        return -1;
    return fd_write_file(dir, "agent/cgroup.procs", "0");
}

static int find_root(struct cgroups *c)
{
    const char *root = c->root_option;
    struct err *why = &c->why;
    char own[256], mount[256];
    bool true_root;

    if (root && is_cgroup2(root)) {
        snprintf(c->root, sizeof c->root, "%s", root);
        return 0;
    }
    if (!find_mount(mount))
        return err_set(why, STATUS_UNAVAILABLE, 0, "no cgroup2 is mounted");
    true_root = !find_own(own) || strcmp(own, "/") == 0;
    if (c->pid1 || true_root) {
        snprintf(c->root, sizeof c->root, "%s", mount);
        return 0;
    }
    if (snprintf(c->root, sizeof c->root, "%s%s", mount, own) >= (int)sizeof c->root)
        return err_set(why, STATUS_UNAVAILABLE, ENAMETOOLONG, "cgroup '%s'", own);
    if (move_self(c->root) < 0)
        return err_set(why, STATUS_UNAVAILABLE, errno, "cgroup '%s' is not delegated", c->root);
    return 0;
}

void cgroups_init(struct cgroups *c, struct loop *loop, struct jobs *jobs, bool wanted, const char *root,
                  bool pid1)
{
    *c = (struct cgroups){.wanted = wanted,
                          .root_option = root,
                          .pid1 = pid1,
                          .jobs = jobs,
                          .loop = loop,
                          .inotify = -1,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .dirs = {-1, -1}};
    LIST_INIT(&c->waiting);
    LIST_INIT(&c->killing);
}

/* Lets the children of the directory have the memory controller, which knows of OOM kills. Best effort: the kernel may not
 * have it, or cgroup v1 may. */
static void pass_memory_on(int dir)
{
    (void)!fd_write_file(dir, "cgroup.subtree_control", "+memory");
}

/* Makes the directory of a class and opens it in place of what dirs[k] was. Another agent below the same root may have
 * removed it at its end. */
static int open_class(struct cgroups *c, enum cgroup_class k)
{
    char path[PATH_MAX];
    CLEANUP_FD int fd = -1;

    snprintf(path, sizeof path, "%s/%s", c->root, class_names[k]);
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return err_set(&c->why, STATUS_UNAVAILABLE, errno, "mkdir '%s'", path);
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (c->dirs[k] >= 0 && dup3(fd, c->dirs[k], O_CLOEXEC) < 0))
        return err_set(&c->why, STATUS_UNAVAILABLE, errno, "open '%s'", path);
    if (c->dirs[k] < 0)
        c->dirs[k] = fd_take(&fd);
    pass_memory_on(c->dirs[k]);
    return 0;
}

/* R and what is always in it. */
static int open_root(struct cgroups *c)
{
    CLEANUP_FD int root = -1;

    if (find_root(c) < 0)
        return -1;
    root = open(c->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    pass_memory_on(root);
    return open_class(c, CGROUP_USER) == 0 ? open_class(c, CGROUP_PTYS) : -1;
}

bool cgroups_open(struct cgroups *c)
{
    bool enabled;

    pthread_mutex_lock(&c->lock);
    if (!c->opened) {
        c->opened = true;
        if (!c->wanted)
            err_set(&c->why, STATUS_UNAVAILABLE, 0, "turned off");
        else
            c->enabled = open_root(c) == 0;
    }
    enabled = c->enabled;
    pthread_mutex_unlock(&c->lock);
    return enabled;
}

void cgroups_tell(struct cgroups *c)
{
    pthread_mutex_lock(&c->lock);
    if (c->opened && !c->enabled && !c->told)
        log_info("cgroup.none", LOG_STR("error.message", c->why.text));
    c->told = c->opened;
    pthread_mutex_unlock(&c->lock);
}

/* mkdir in the class, which is made again when somebody has removed it. */
static int make_leaf(struct cgroups *c, enum cgroup_class k, const char *id)
{
    int ret = mkdirat(c->dirs[k], id, 0755);

    if (ret == 0 || errno != ENOENT)
        return ret;
    pthread_mutex_lock(&c->lock);
    ret = open_class(c, k);
    pthread_mutex_unlock(&c->lock);
    return ret == 0 ? mkdirat(c->dirs[k], id, 0755) : -1;
}

int cgroup_leaf_make(struct cgroups *c, enum cgroup_class k, const char *id)
{
    int fd;

    if (make_leaf(c, k, id) < 0)
        return -1;
    fd = openat(c->dirs[k], id, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        int errnum = errno;

        unlinkat(c->dirs[k], id, AT_REMOVEDIR);
        errno = errnum;
    }
    return fd;
}

bool cgroup_leaf_oom(const struct cgroups *c, enum cgroup_class k, const char *id)
{
    char path[64], text[512], *line;
    ssize_t n;

    snprintf(path, sizeof path, "%s/memory.events", id);
    n = fd_read_file(c->dirs[k], path, text, sizeof text);
    line = n > 0 ? strstr(text, "oom_kill ") : NULL;
    return line && strtoul(line + strlen("oom_kill "), NULL, 10) > 0;
}

int cgroup_class_freeze(const struct cgroups *c, enum cgroup_class k, bool freeze)
{
    return fd_write_file(c->dirs[k], "cgroup.freeze", freeze ? "1" : "0");
}

int cgroup_class_frozen(const struct cgroups *c, enum cgroup_class k)
{
    char text[256];
    const char *at;

    if (fd_read_file(c->dirs[k], "cgroup.events", text, sizeof text) < 0)
        return -1;
    at = strstr(text, "frozen ");
    return at ? at[strlen("frozen ")] == '1' : -1;
}

/* --- removal --------------------------------------------------------------------------------- */

static void run_rmdir(struct job *j)
{
    struct cgroup_leaf *l = CONTAINER_OF(j, struct cgroup_leaf, job);

    l->error = unlinkat(l->dir, l->id, AT_REMOVEDIR) < 0 ? errno : 0;
}

static void forget(struct cgroup_leaf *l)
{
    struct cgroups *c = l->cgroups;

    c->removing--;
    if (c->spare)
        free(l);
    else
        c->spare = l;
}

static void try_remove(struct cgroup_leaf *l)
{
    if (jobs_submit(l->cgroups->jobs, &l->job, NULL) < 0) { /* do it here: it takes microseconds */
        run_rmdir(&l->job);
        l->job.done(&l->job);
    }
}

/* Something changed in a leaf's cgroup.events: rmdir tells best whether it is empty now. */
static void on_inotify(struct ev_loop *ev, ev_io *w, int revents)
{
    struct cgroups *c = w->data;
    _Alignas(struct inotify_event) char buf[4096];
    ssize_t n;

    (void)ev;
    (void)revents;
    while ((n = read(c->inotify, buf, sizeof buf)) > 0) {
        for (char *p = buf; p < buf + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)p;
            struct cgroup_leaf *l;

            LIST_FOREACH (l, &c->waiting, link)
                if (l->watch == event->wd)
                    break;
            if (l && !(event->mask & IN_IGNORED)) {
                LIST_REMOVE(l, link);
                inotify_rm_watch(c->inotify, l->watch);
                l->watch = -1;
                try_remove(l);
            }
            p += sizeof *event + event->len;
        }
    }
}

/* Somebody lives in it: wait for its events file to change. */
static void wait_for_empty(struct cgroup_leaf *l)
{
    struct cgroups *c = l->cgroups;
    char path[PATH_MAX];

    if (c->inotify < 0) {
        c->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (c->inotify < 0) {
            forget(l); /* it stays behind, empty, until the agent ends */
            return;
        }
        ev_io_init(&c->io, on_inotify, c->inotify, EV_READ);
        c->io.data = c;
        ev_io_start(c->loop->ev, &c->io);
    }
    snprintf(path, sizeof path, "%s/%s/%s/cgroup.events", c->root, class_names[l->class], l->id);
    l->watch = inotify_add_watch(c->inotify, path, IN_MODIFY);
    if (l->watch < 0) {
        forget(l);
        return;
    }
    LIST_INSERT_HEAD(&c->waiting, l, link);
    if (unlinkat(l->dir, l->id, AT_REMOVEDIR) == 0) { /* it became empty before the watch was set */
        LIST_REMOVE(l, link);
        forget(l);
    }
}

static void rmdir_done(struct job *j)
{
    struct cgroup_leaf *l = CONTAINER_OF(j, struct cgroup_leaf, job);

    if (l->error == EBUSY)
        wait_for_empty(l);
    else
        forget(l);
}

void cgroup_leaf_remove(struct cgroups *c, enum cgroup_class k, const char *id)
{
    struct cgroup_leaf *l = malloc(sizeof *l);

    if (!l)
        l = TAKE(c->spare);
    if (!l) { /* who cannot wait for it to become empty, tries once */
        unlinkat(c->dirs[k], id, AT_REMOVEDIR);
        return;
    }
    *l = (struct cgroup_leaf){0};
    l->job.run = run_rmdir;
    l->job.done = rmdir_done;
    l->cgroups = c;
    l->class = k;
    l->dir = c->dirs[k];
    l->watch = -1;
    snprintf(l->id, sizeof l->id, "%s", id);
    c->removing++;
    try_remove(l);
}

void cgroups_destroy(struct cgroups *c)
{
    free(TAKE(c->spare));
    if (!c->enabled)
        return;
    for (int k = CGROUP_USER; k <= CGROUP_PTYS; k++) {
        char path[PATH_MAX];

        fd_close(&c->dirs[k]);
        snprintf(path, sizeof path, "%s/%s", c->root, class_names[k]);
        rmdir(path);
    }
    c->enabled = false;
}
