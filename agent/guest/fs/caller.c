#include "guest/fs/caller.h"

#include <errno.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest/paths.h"

int fs_caller_init(struct fs_caller *c, const char *name, struct guest_env *env, bool as_user)
{
    *c = (struct fs_caller){.as_user = as_user};
    if (name && !(c->name = strdup(name)))
        return -1;
    c->env = guest_env_ref(env);
    return 0;
}

void fs_caller_clear(struct fs_caller *c)
{
    free(TAKE(c->name));
    if (c->env)
        guest_env_unref(TAKE(c->env));
}

static const char *name_of(const struct fs_caller *c)
{
    return c->name ? c->name : c->env->default_user;
}

struct user *fs_caller_cached(const struct fs_caller *c, const struct users_stamps *now)
{
    return users_cached(name_of(c), now);
}

struct user *fs_caller_user(const struct fs_caller *c, struct err *e)
{
    const char *name = name_of(c);
    struct user *u = users_find(name, e);

    if (!u && e->status == STATUS_NOT_FOUND)
        err_set(e, STATUS_UNAUTHENTICATED, 0,
                c->name ? "invalid username: '%s'" : "invalid default user: '%s'", name);
    return u;
}

char *fs_caller_path(const struct fs_caller *c, const struct user *u, const char *path, struct err *e)
{
    return path_resolve(path, u->home, c->env->workdir, e);
}

/* glibc's setgroups changes all threads (nptl(7)); the system call only this one. */
static int set_groups(size_t n, const gid_t *groups)
{
    return (int)syscall(SYS_setgroups, n, groups);
}

/* setfsuid(2) reports no failure but by what it answers to an invalid id. */
static bool identity_is(uid_t uid, gid_t gid)
{
    return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid;
}

int fs_caller_enter(const struct fs_caller *c, const struct user *u, struct err *e)
{
    if (!c->as_user || (u->uid == geteuid() && geteuid() != 0))
        return 0;
    if (set_groups(u->group_count, u->groups) == 0) {
        setfsgid(u->gid);
        setfsuid(u->uid);
        if (identity_is(u->uid, u->gid))
            return 0;
        fs_caller_leave(c);
        errno = EPERM;
    }
    return err_set(e, STATUS_PERMISSION_DENIED, errno, "act as user '%s'", u->name);
}

void fs_caller_leave(const struct fs_caller *c)
{
    if (!c->as_user || geteuid() != 0)
        return;
    setfsuid(geteuid());
    setfsgid(getegid());
    set_groups(0, NULL);
}
