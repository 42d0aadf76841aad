/* The service on a unix socket beside that of processes, with a git that is a shell script. */
#ifndef TESTS_UNIT_GIT_GIT_RIG_H
#define TESTS_UNIT_GIT_GIT_RIG_H

#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../process/process_rig.h"
#include "git/git_service.h"

static char dir[] = "/tmp/guestd-gits-XXXXXX";
static struct git_service git;

/* For all but its version git runs this script, whose $1 is the verb. */
static void put_git(const char *script)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "%s/git", dir);
    f = fopen(path, "we");
    assert_non_null(f);
    fprintf(f,
            "#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in -c) shift 2;; -*) shift;; *) break;; esac; done\n"
            "[ \"$1\" = version ] && { echo git version 2.40.1; exit; }\n%s\n",
            script);
    fclose(f);
    chmod(path, 0755);
}

static int git_setup(void **state)
{
    char path[64];

    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", dir);
    setenv("PATH", path, 1);
    return setup(state) < 0 ? -1 : git_service_init(&git, &rpc, &execs, workers, &settings);
}

static int git_teardown(void **state)
{
    char command[64];

    git_destroy(&git.git);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) | teardown(state);
}

#endif
