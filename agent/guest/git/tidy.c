#include "guest/git/tidy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "guest/fs/remove.h"

static const atomic_bool never = false;

struct tidying {
    struct job job;
    struct fs_caller caller;
    const struct git_place *place;
    enum git_access access;
    void (*done)(void *arg);
    void *arg;
};

/* --- lock files ------------------------------------------------------------------------------ */

/* Its own writers are gone, and those of the same repository that came by us wait: a lock that is younger than the operation is
 * its own, unless somebody in the guest uses git beside us at this very moment; his has a process that holds it open or ends
 * within the time that the caller's grace took. */
static bool is_stale_lock(int dir, const char *name, const struct git_place *place)
{
    size_t len = strlen(name);
    struct stat st;

    if (len < 6 || strcmp(name + len - 5, ".lock") != 0)
        return false;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return false;
    return st.st_mtim.tv_sec > place->since.tv_sec ||
           (st.st_mtim.tv_sec == place->since.tv_sec && st.st_mtim.tv_nsec >= place->since.tv_nsec);
}

/* Takes the locks in one directory away, and in those below it; objects have none that matter. */
static void remove_locks(int parent, const char *name, const struct git_place *place, unsigned *left,
                         unsigned depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (!d) {
        fd_close(&fd);
        return;
    }
    while ((entry = readdir(d)) && (*left)-- > 0) {
        if (entry->d_name[0] == '.')
            continue;
        if (is_stale_lock(dirfd(d), entry->d_name, place))
            unlinkat(dirfd(d), entry->d_name, 0);
        else if (depth > 0 && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) &&
                 strcmp(entry->d_name, "objects") != 0)
            remove_locks(dirfd(d), entry->d_name, place, left, depth - 1);
        if (*left == 0)
            break;
    }
    closedir(d);
}

/* --- what was to be made --------------------------------------------------------------------- */

/* Of a directory that was there before, and empty, what is in it goes; the directory stays. */
static void empty_directory(const char *path)
{
    DIR *d = opendir(path);
    const struct dirent *entry;
    struct err e;

    while (d && (entry = readdir(d))) {
        CLEANUP_FREE char *inside = NULL;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (asprintf(&inside, "%s/%s", path, entry->d_name) < 0)
            inside = NULL;
        else
            (void)!fs_remove(inside, &never, &e);
    }
    if (d)
        closedir(d);
}

static void tidy(const struct tidying *t)
{
    unsigned left = GIT_TIDY_MAX;
    struct err e;

    if (t->access == GIT_WRITES && t->place->git_dir)
        remove_locks(AT_FDCWD, t->place->git_dir, t->place, &left, GIT_TIDY_DEPTH);
    else if (t->access == GIT_MAKES && !t->place->existed)
        (void)!fs_remove(t->place->path, &never, &e);
    else if (t->access == GIT_MAKES && t->place->was_empty)
        empty_directory(t->place->path);
}

/* --- the job --------------------------------------------------------------------------------- */

static void run(struct job *j)
{
    struct tidying *t = CONTAINER_OF(j, struct tidying, job);
    struct err e;
    CLEANUP_FREE struct user *user = fs_caller_user(&t->caller, &e);

    if (!user || fs_caller_enter(&t->caller, user, &e) < 0)
        return;
    tidy(t);
    fs_caller_leave(&t->caller);
}

static void done(struct job *j)
{
    struct tidying *t = CONTAINER_OF(j, struct tidying, job);

    fs_caller_clear(&t->caller);
    t->done(t->arg);
    free(t);
}

int git_tidy(struct jobs *jobs, const char *user, struct guest_env *env, const struct git_place *place,
             enum git_access access, void (*when_done)(void *arg), void *arg)
{
    struct tidying *t = calloc(1, sizeof *t);
    struct err e;

    if (!t)
        return -1;
    *t = (struct tidying){
        .job = {.run = run, .done = done}, .place = place, .access = access, .done = when_done, .arg = arg};
    if (fs_caller_init(&t->caller, user, env, true) == 0 && jobs_submit(jobs, &t->job, &e) == 0)
        return 0;
    fs_caller_clear(&t->caller);
    free(t);
    return -1;
}
