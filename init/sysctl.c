#include "init/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "core/fd.h"

int sysctl_path(const char *name, char *out, size_t size)
{
    size_t first = strcspn(name, "./");
    bool dots = name[first] == '.';
    int n = snprintf(out, size, "/proc/sys/%s", name);
    char *p;

    if (n < 0 || (size_t)n >= size)
        return -1;
    for (p = out + strlen("/proc/sys/"); dots && *p; p++) {
        if (*p == '.')
            *p = '/';
        else if (*p == '/')
            *p = '.';
    }
    return strstr(out, "/../") || strstr(out, "//") || strcmp(out + n - MIN(n, 3), "/..") == 0 ? -1 : 0;
}

/* Writes a value. Returns 0, or -1 with errno. */
static int set(const char *path, const char *value)
{
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t n = strlen(value);

    return fd >= 0 && RETRY_EINTR(write(fd, value, n)) == (ssize_t)n ? 0 : -1;
}

void sysctl_apply(const struct config *c, struct boot *b)
{
    char path[PATH_MAX];

    for (const struct config_pair *s = c->sysctls; s; s = s->next) {
        if (sysctl_path(s->name, path, sizeof path) < 0)
            boot_problem(b, "sysctl %s: not the name of a parameter", s->name);
        else if (set(path, s->value) < 0)
            boot_problem(b, "sysctl %s=%s: %s", s->name, s->value, errno_text(errno));
    }
}
