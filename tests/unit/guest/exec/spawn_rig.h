/* Spawns that run in the test's own thread: for tests that include guest/exec/spawn.c. */
#ifndef TESTS_UNIT_SPAWN_RIG_H
#define TESTS_UNIT_SPAWN_RIG_H

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct settings settings;
static struct spawn_surroundings around;
static struct cgroups cgroups; /* none */

/* Runs the spawn's job here and now. */
static struct spawn *spawn_spec(const struct exec_spec *view)
{
    struct spawn *s = spawn_new(&around, exec_spec_copy(view), settings.env, CGROUP_NONE);

    s->job.run(&s->job);
    return s;
}

/* All that comes from the descriptor until its end, NUL-terminated. */
static const char *all_of(int fd)
{
    static char text[8192];
    size_t n = 0;
    ssize_t k;

    fcntl(fd, F_SETFL, 0);
    while ((k = read(fd, text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)k;
    text[n] = 0;
    return text;
}

static int exit_of(const struct spawn *s)
{
    int status = -1;

    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
