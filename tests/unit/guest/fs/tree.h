/* A directory of the test's own, and what is made in it. */
#ifndef TESTS_UNIT_GUEST_FS_TREE_H
#define TESTS_UNIT_GUEST_FS_TREE_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base.h"
#include "guest/fs/remove.h"
#include "test.h"

static char dir[] = "/tmp/guestd-tree-XXXXXX";
static atomic_bool stop;

/* A path in it; four of them are valid at a time. */
static const char *below(const char *rest)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, rest);
    return path;
}

static void make_file(const char *name, const char *text)
{
    int fd = open(below(name), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

UNUSED static void make_dir(const char *name)
{
    assert_int_equal(mkdir(below(name), 0700), 0);
}

UNUSED static struct stat stat_of(const char *name)
{
    struct stat st;

    assert_int_equal(lstat(below(name), &st), 0);
    return st;
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int clear(void **state)
{
    struct err e;

    (void)state;
    return fs_remove(dir, &stop, &e);
}

#endif
