#include "init/hostname.h"

#include <errno.h>
#include <fcntl.h>

#include "core/fd.h"

int hostname_give(const char *name, struct err *e)
{
    if (sethostname(name, strlen(name)) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "set the host name '%s'", name);
    return 0;
}

/* The first line that is neither empty nor a comment. Returns it, cut out of the text, or NULL. */
static char *first_line(char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        bool last = !text[n];

        text[n] = 0;
        text += strspn(text, " \t\r");
        if (*text && *text != '#') {
            text[strcspn(text, " \t\r")] = 0;
            return text;
        }
        if (last)
            break;
        text += strlen(text) + 1;
    }
    return NULL;
}

int hostname_set(const struct config *c, struct err *e)
{
    char text[4096];
    char *name;

    if (c->hostname)
        return hostname_give(c->hostname, e) < 0 ? -1 : 1;
    if (fd_read_file(AT_FDCWD, HOSTNAME_FILE, text, sizeof text) < 0) {
        if (errno == ENOENT)
            return 0;
        return err_set(e, STATUS_INTERNAL, errno, "read %s", HOSTNAME_FILE);
    }
    name = first_line(text);
    if (!name)
        return 0;
    return hostname_give(name, e) < 0 ? err_wrap(e, "%s", HOSTNAME_FILE) : 1;
}
