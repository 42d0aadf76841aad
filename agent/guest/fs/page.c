#include "guest/fs/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/fd.h"
#include "guest/fs/status.h"
#include "guest/fs/walk.h"

/* "1-" and the position in hexadecimal. The first part tells this form from later ones. */
static void place_put(struct fs_place *place, off_t at)
{
    snprintf(place->text, sizeof place->text, "1-%llx", (unsigned long long)at);
}

static int place_get(const struct fs_place *place, off_t *at, struct err *e)
{
    const char *digits = place->text + 2;
    size_t n;

    *at = 0;
    if (!place->text[0])
        return 0;
    n = strncmp(place->text, "1-", 2) == 0 ? strspn(digits, "0123456789abcdef") : 0;
    if (n == 0 || n > 16 || digits[n])
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "page '%s': not one of List's", place->text);
    *at = (off_t)strtoull(digits, NULL, 16);
    return 0;
}

/* Tells up to `limit` entries. Returns 1: there may be more; 0: that was the end; -1. */
static int tell(struct fs_page *p, struct fs_walk *w, struct err *e)
{
    struct fs_walk_entry entry;
    int ret = 1, more;

    for (uint32_t n = 0; n < p->limit; n++) {
        more = fs_walk_next(w, &entry);
        if (more < 0)
            return err_set(e, fs_status_strict(errno), errno, "list '%s'", p->path);
        if (more == 0)
            return 0;
        ret = p->found(p->arg, fs_walk_fd(w), entry.name, e);
        if (ret < 0)
            return -1;
        place_put(&p->place, fs_walk_level(w)->place);
        if (ret == 0)
            return 1;
    }
    return 1;
}

int fs_page(struct fs_page *p, struct err *e)
{
    struct fs_walk walk = {0};
    struct fs_walk_entry entry;
    off_t at;
    int fd, ret;

    if (place_get(&p->place, &at, e) < 0)
        return -1;
    fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fs_walk_begin(&walk, fd) < 0)
        return err_set(e, fs_status_strict(errno), errno, "list '%s'", p->path);
    if (lseek(fs_walk_fd(&walk), at, SEEK_SET) < 0)
        ret = err_set(e, STATUS_INVALID_ARGUMENT, errno, "page '%s' of '%s'", p->place.text, p->path);
    else
        ret = tell(p, &walk, e);
    if (ret == 1)
        ret = fs_walk_next(&walk, &entry) > 0; /* a page that is full is not always followed by one */
    if (ret == 0)
        p->place.text[0] = 0;
    fs_walk_end(&walk);
    return ret < 0 ? -1 : 0;
}
