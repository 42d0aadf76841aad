/* cp from the guest to the guest: the agent copies, and nothing passes through here. */
#include <stdio.h>

#include "ctl/copy.h"

/* Makes the directories above the path. Returns 0, or -1 with *e. */
static int make_above(struct copy *c, const char *path, struct answer_error *e)
{
    const char *slash = strrchr(path, '/');
    CLEANUP_FREE char *above = slash && slash > path ? strndup(path, (size_t)(slash - path)) : NULL;

    if (!above || guest_mkdir_all(&c->guest, above, e) == 0 || e->err.status == STATUS_ALREADY_EXISTS)
        return 0;
    return -1;
}

static int copy_to(struct copy *c, const char *source, const char *name, struct answer_error *e)
{
    if (guest_copy(&c->guest, source, name, c->recursive, e) == 0)
        return 0;
    if (e->err.status != STATUS_NOT_FOUND || make_above(c, name, e) < 0)
        return -1;
    return guest_copy(&c->guest, source, name, c->recursive, e);
}

int copy_within(struct copy *c, const char *source, const struct copy_place *place)
{
    struct answer_error e;
    const guest_file *f = guest_stat(&c->guest, source, !c->recursive, &e);
    bool directory = f && f->type == GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY;
    CLEANUP_FREE char *from = f ? guest_text(f->path) : NULL; /* of a link what it leads to */
    CLEANUP_FREE char *name = NULL;
    int ret;

    if (!f)
        return pool_failed(&c->pool, source, &e);
    if (directory && !c->recursive)
        return copy_failed(c, source, 0, "a directory (-r copies it)");
    name = copy_name(place, source, directory, &e.err);
    if (!name || !from)
        return copy_failed(c, source, 0, name ? "out of memory" : e.err.text);
    ret = copy_to(c, from, name, &e);
    guest_forget(&c->guest);
    return ret < 0 ? pool_failed(&c->pool, source, &e) : 0;
}
