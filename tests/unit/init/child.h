/* What only another process can try. */
#ifndef TESTS_UNIT_INIT_CHILD_H
#define TESTS_UNIT_INIT_CHILD_H

#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

/* Runs fn in a child; returns its exit code. */
static int in_child(int (*fn)(void))
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        _exit(fn());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
