#include "guest/git/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "guest/fs/status.h"
#include "guest/paths.h"

/* --- the program ----------------------------------------------------------------------------- */

/* The PATH that the caller's processes have. */
static const char *search_path(const struct guest_env *env)
{
    const char *path = env->path;

    for (size_t i = 0; i < env->var_count; i++)
        if (strncmp(env->vars[i], "PATH=", 5) == 0)
            path = env->vars[i] + 5;
    return path;
}

static bool is_program(const char *path, struct git_program *out)
{
    struct stat st;

    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
        return false;
    out->stamp =
        (struct users_stamp){.mtime = st.st_mtim, .ctime = st.st_ctim, .ino = st.st_ino, .size = st.st_size};
    return true;
}

/* The first git of the folders; those that are not absolute could be anybody's. */
static int find_program(const struct guest_env *env, struct git_program *out, struct err *e)
{
    char path[PATH_MAX];

    for (const char *at = search_path(env);; at++) {
        size_t len = strcspn(at, ":");

        if (*at == '/' && len + sizeof "/git" <= sizeof path) {
            memcpy(path, at, len);
            memcpy(path + len, "/git", sizeof "/git");
            if (is_program(path, out))
                return (out->path = strdup(path)) ? 0 : err_nomem(e, "find git");
        }
        at += len;
        if (!*at)
            return err_set(e, STATUS_FAILED_PRECONDITION, 0, "there is no git in the guest's PATH");
    }
}

/* --- the repository -------------------------------------------------------------------------- */

/* As git itself knows one: it has a HEAD, objects and refs, or names those of another. */
static bool is_git_dir(const char *dir)
{
    static const char *const names[] = {"HEAD", "refs"};
    CLEANUP_FD int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(names); i++)
        if (fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
            return i > 0 && fstatat(fd, "commondir", &st, AT_SYMLINK_NOFOLLOW) == 0;
    return fd >= 0;
}

/* What a file ".git" in `dir` names (gitrepository-layout(5)), in `out`. */
static bool read_link_file(const char *dir, const char *file, char out[PATH_MAX])
{
    char text[PATH_MAX];
    ssize_t n = fd_read_file(AT_FDCWD, file, text, sizeof text);

    if (n < 8 || memcmp(text, "gitdir: ", 8) != 0)
        return false;
    text[strcspn(text, "\r\n")] = 0;
    return (text[8] == '/' ? snprintf(out, PATH_MAX, "%s", text + 8)
                           : snprintf(out, PATH_MAX, "%s/%s", dir, text + 8)) < PATH_MAX;
}

/* The git directory of `dir` itself, on the heap; NULL: it has none. */
static char *git_dir_of(const char *dir)
{
    char path[PATH_MAX], named[PATH_MAX];
    struct stat st;

    if (snprintf(path, sizeof path, "%s/.git", dir) < (int)sizeof path && stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode) && is_git_dir(path))
            return realpath(path, NULL);
        if (S_ISREG(st.st_mode) && read_link_file(dir, path, named) && is_git_dir(named))
            return realpath(named, NULL);
    }
    return is_git_dir(dir) ? realpath(dir, NULL) : NULL;
}

/* The repository at the path or above it, which is real. */
static void find_repository(struct git_place *p)
{
    char dir[PATH_MAX];
    size_t len = strlen(p->path);

    if (len >= sizeof dir)
        return;
    memcpy(dir, p->path, len + 1);
    while (!(p->git_dir = git_dir_of(dir)) && len > 1) {
        while (len > 1 && dir[len - 1] != '/')
            len--;
        len = MAX(len - 1, (size_t)1);
        dir[len] = 0;
    }
}

/* What git itself looks at to say so (wt-status.c). */
static const char *find_operation(const char *git_dir)
{
    static const char *const names[][2] = {
        {"rebase-apply/applying", "am"}, {"rebase-apply", "rebase"},          {"rebase-merge", "rebase"},
        {"MERGE_HEAD", "merge"},         {"CHERRY_PICK_HEAD", "cherry-pick"}, {"REVERT_HEAD", "revert"},
        {"BISECT_LOG", "bisect"}};
    CLEANUP_FD int fd = open(git_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (fd >= 0 && fstatat(fd, names[i][0], &st, AT_SYMLINK_NOFOLLOW) == 0)
            return names[i][1];
    return "";
}

/* What is not there yet is known by its name: two who make the same wait for each other. FNV-1a. */
static struct git_key key_of_name(const char *name)
{
    uint64_t hash = 14695981039346656037u;

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 1099511628211u;
    return (struct git_key){.dev = 0, .ino = hash};
}

static bool is_empty(const char *path)
{
    DIR *d = opendir(path);
    unsigned count = 0;

    while (d && count < 3 && readdir(d)) /* "." and ".." */
        count++;
    if (!d)
        return false;
    closedir(d);
    return count < 3;
}

static int find_path(struct git_place *p, const char *path, enum git_access access, struct err *e)
{
    struct stat st;
    char *real = realpath(path, NULL);

    if (!real && (errno == ENOENT || errno == ENOTDIR) && access == GIT_MAKES)
        real = strdup(path);
    else if (!real)
        return err_set(e, errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : fs_status_strict(errno),
                       errno, "path '%s'", path);
    else
        p->existed = true;
    p->was_empty = p->existed && access == GIT_MAKES && is_empty(real);
    if (!real)
        return err_nomem(e, "find a repository");
    p->path = real;
    if (access != GIT_MAKES)
        find_repository(p);
    if (p->git_dir)
        p->operation = find_operation(p->git_dir);
    p->key = p->git_dir && stat(p->git_dir, &st) == 0 ? (struct git_key){st.st_dev, st.st_ino}
                                                      : key_of_name(p->path);
    return 0;
}

int git_place_find(struct git_place *p, const struct fs_caller *c, const char *path, enum git_access access,
                   struct err *e)
{
    CLEANUP_FREE struct user *user = fs_caller_user(c, e);
    CLEANUP_FREE char *absolute = user ? path_resolve(path, user->home, user->home, e) : NULL;
    int ret;

    *p = (struct git_place){.since = clock_wall(), .operation = ""};
    if (!absolute || find_program(c->env, &p->program, e) < 0 || fs_caller_enter(c, user, e) < 0)
        return -1;
    path_clean(absolute);
    p->uid = user->uid;
    p->gid = user->gid;
    ret = find_path(p, absolute, access, e);
    fs_caller_leave(c);
    return ret;
}

void git_place_clear(struct git_place *p)
{
    free(TAKE(p->path));
    free(TAKE(p->git_dir));
    free(TAKE(p->program.path));
}
