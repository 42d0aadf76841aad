/* Where tests of leaves have theirs: below a real cgroup2, the machine's own; where nothing is mounted one is mounted for the test.
 * Needs root, and exec/exec_rig.h before it. */
#ifndef TESTS_UNIT_GUEST_CGROUP_RIG_H
#define TESTS_UNIT_GUEST_CGROUP_RIG_H

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static char own_root[300];

/* A cgroup of the test's own, so that nobody else's come and go in it. */
static void cgroup_rig_begin(void)
{
    struct cgroups probe;

    cgroups_init(&probe, NULL, NULL, true, NULL, false);
    if (!cgroups_open(&probe)) {
        fprintf(stderr, "no cgroup2 (%s): mounting one\n", probe.why.text);
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            (mkdir("/sys/fs/cgroup", 0755) < 0 && errno != EEXIST) ||
            mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
            perror("mount cgroup2");
        cgroups_init(&probe, NULL, NULL, true, NULL, false);
        cgroups_open(&probe);
    }
    snprintf(own_root, sizeof own_root, "%s/guestd-unit-%d", probe.root, getpid());
    cgroups_destroy(&probe);
    if (mkdir(own_root, 0755) < 0)
        perror(own_root);
    rig_cgroup_root = own_root;
}

static void cgroup_rig_end(void)
{
    if (rmdir(own_root) < 0)
        perror(own_root);
}

#endif
