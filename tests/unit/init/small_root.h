/* A mount namespace with a root of its own: a tmpfs, with nothing in it. */
#ifndef TESTS_UNIT_INIT_SMALL_ROOT_H
#define TESTS_UNIT_INIT_SMALL_ROOT_H

#include "init/child.h"

#include "core/base.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

/* The calling process's own; it and the directory go with the namespace. Standard error becomes a file that nobody reads. */
static bool enter_small_root(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0 && chroot("/tmp") == 0 && chdir("/") == 0 &&
           freopen("/stderr", "w", stderr);
}

/* The type of what is at a path, as statfs(2) tells. */
static UNUSED long type_at(const char *path)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 ? (long)fs.f_type : -1;
}

static UNUSED void touch(const char *path)
{
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Runs a test in such a root; roots are root's. There is one devtmpfs in a machine: what a boot makes in it and was not there
 * before goes again. */
static void in_small_root(int (*fn)(void))
{
    bool had_pages = exists("/dev/hugepages");
    int code;

    if (geteuid() != 0)
        return;
    code = in_child(fn);
    if (!had_pages)
        rmdir("/dev/hugepages");
    assert_int_equal(code, 0);
}

#endif
