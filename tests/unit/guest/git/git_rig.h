/* Operations on a process table with a loop of its own, and a git that is a shell script: what the tests of guest/git that run
 * something share. */
#ifndef TESTS_UNIT_GIT_RIG_H
#define TESTS_UNIT_GIT_RIG_H

#include "test.h"

#include <sys/stat.h>

#include "../exec/exec_rig.h"
#include "guest/git/op.h"

static char dir[] = "/tmp/guestd-git-XXXXXX";
static struct git git;

/* Puts a file below the directory, which may be run. */
UNUSED static void put(const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, 0755);
}

UNUSED static bool is_there(const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* git: says its version, and for all else runs the script with its own arguments behind the policy's, from its verb on. */
UNUSED static void put_git(const char *script)
{
    char text[2048];

    snprintf(text, sizeof text,
             "#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in -c) shift 2;; -*) shift;; *) break;; esac; done\n"
             "[ \"$1\" = version ] && { echo git version 2.40.1; exit; }\n%s\n",
             script);
    put("bin/git", text);
}

static int git_setup(void **state)
{
    char path[256];

    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/bin", dir);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/bin:/usr/bin:/bin", dir);
    setenv("PATH", path, 1);
    exec_rig_init(false);
    git_init(&git, &rig.loop, &rig.table, rig.workers, &rig.settings);
    return 0;
}

static int git_teardown(void **state)
{
    char command[64];

    (void)state;
    git_destroy(&git);
    exec_rig_destroy();
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

#endif
