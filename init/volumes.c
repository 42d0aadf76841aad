#include "init/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "guest/fs/mounts.h"
#include "init/devices.h"
#include "init/filesystem.h"

/* Mounts in a child, which is left to itself when it is not done in time: whoever reaps orphans reaps it. */
static int mount_in_child(const char *source, const struct config_mount *m, const struct mount_options *o,
                          uint64_t wait_ms, struct err *e)
{
    int ends[2];
    struct pollfd p;
    struct err result = {0};
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "start its mount");
    if (pid == 0) {
        if (filesystem_mount(source, m->target, m->type, o, &result) == 0)
            result.status = STATUS_OK;
        _exit(write(ends[1], &result, sizeof result) < 0 ? 1 : 0);
    }
    close(ends[1]);
    p = (struct pollfd){ends[0], POLLIN, 0};
    if (RETRY_EINTR(poll(&p, 1, (int)wait_ms)) <= 0) {
        close(ends[0]);
        return err_set(e, STATUS_DEADLINE_EXCEEDED, 0, "%s does not answer; the mount goes on trying",
                       source);
    }
    if (read(ends[0], &result, sizeof result) != sizeof result)
        err_set(&result, STATUS_INTERNAL, 0, "mount %s: its process has died", source);
    close(ends[0]);
    RETRY_EINTR(waitpid(pid, NULL, 0));
    if (result.status != STATUS_OK && e)
        *e = result;
    return result.status == STATUS_OK ? 0 : -1;
}

/* Makes what is mounted on: a directory, or for a bind mount of a file a file. */
static int make_target(const char *source, const char *target, bool bind, struct err *e)
{
    struct stat st;
    int fd;

    if (!bind || stat(source, &st) < 0 || S_ISDIR(st.st_mode))
        return filesystem_mkdirs(target, e);
    fd = open(target, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
    if (fd < 0)
        return err_set(e, STATUS_FAILED_PRECONDITION, errno, "make '%s'", target);
    close(fd);
    return 0;
}

/* Mounts a volume, by `end` of the monotonic clock at the latest. Returns 0 or -1 with *e. */
static int mount_volume(const struct config_mount *m, uint64_t end, struct err *e)
{
    struct mount_options o = {0};
    char path[DEVICE_PATH_MAX];
    const char *source = m->source;
    uint64_t now = clock_mono_ms(), wait_ms = now < end ? end - now : 0;

    if (mount_options_parse(m->options, &o, e) < 0)
        return -1;
    if (!(o.flags & (MS_BIND | MS_REMOUNT)) && device_is_named(source)) {
        if (device_find(source, o.nofail ? 0 : wait_ms, path, e) < 0)
            return o.nofail ? 0 : -1;
        source = path;
    }
    if (make_target(source, m->target, o.flags & MS_BIND, e) < 0)
        return -1;
    if ((o.flags & (MS_BIND | MS_REMOUNT)) || source == path || mounts_is_fast(m->type))
        return filesystem_mount(source, m->target, m->type, &o, e);
    return mount_in_child(source, m, &o, wait_ms, e);
}

void volumes_mount(const struct config *c, struct boot *b)
{
    uint64_t end = clock_mono_ms() + MOUNTS_WAIT_MS;
    struct err e;

    for (const struct config_mount *m = c->mounts; m; m = m->next)
        if (mount_volume(m, end, &e) < 0)
            boot_problem(b, "mount %s: %s", m->target, e.text);
}
