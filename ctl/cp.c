/* cp: files and trees into the guest, out of it and within it, as docker cp and scp. */
#include <stdio.h>
#include <sys/stat.h>

#include "ctl/copy.h"
#include "ctl/verbs.h"

/* Returns 0 or the exit code. */
static int parse(const struct verb *v, struct options *o, struct copy *c)
{
    const char *value;
    struct err e;
    int id;

    while ((id = options_next(o, &value, &e)) > 0) {
        switch (id) {
        case CP_RECURSIVE:
            c->recursive = true;
            break;
        case CP_OWNER:
            c->owner = value;
            break;
        case CP_RESUME:
            c->resume = true;
            break;
        }
    }
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e);
    if (o->argc - o->at < 2)
        return ctl_usage(v, CTL_USAGE, "a source or a destination is missing");
    if (c->resume && c->recursive)
        return ctl_usage(v, CTL_USAGE, "--resume is for files, not for trees");
    return 0;
}

/* Whether all words are the guest's, or none. Returns 1, 0, or -1 after it has said that they differ. */
static int side(const struct verb *v, char **words, int count)
{
    bool first = *words[0] == ':';

    for (int i = 1; i < count; i++) {
        if ((*words[i] == ':') != first) {
            ctl_usage(v, CTL_USAGE, "the sources are not all on one side");
            return -1;
        }
    }
    return first;
}

/* What there is at a destination of the guest's. An empty one becomes the directory that it means. Returns 0, or -1 with *e. */
static int place_there(struct copy *c, struct copy_place *p, char **name, struct answer_error *e)
{
    const guest_file *f = guest_stat(&c->guest, p->path, true, e);

    p->exists = f != NULL;
    p->directory = f && f->type == GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY;
    if (f && !*p->path)
        p->path = *name = guest_text(f->path);
    guest_forget(&c->guest);
    return p->path && (f || e->err.status == STATUS_NOT_FOUND) ? 0 : -1;
}

static void place_here(struct copy_place *p)
{
    struct stat st;

    p->exists = stat(p->path, &st) == 0;
    p->directory = p->exists && S_ISDIR(st.st_mode);
}

static bool ends_in_slash(const char *path)
{
    size_t n = strlen(path);

    return n > 0 && path[n - 1] == '/';
}

/* Copies the sources; which of the ends are the guest's. Returns the exit code. */
static int copy_all(struct copy *c, const struct verb *v, char **sources, int count, bool from_guest,
                    bool to_guest, struct copy_place *p)
{
    int (*copy)(struct copy *, const char *, const struct copy_place *) = !from_guest ? copy_up
                                                                          : to_guest  ? copy_within
                                                                                      : copy_down;
    CLEANUP_FREE char *name = NULL;
    struct answer_error e;

    if (!to_guest)
        place_here(p);
    else if (place_there(c, p, &name, &e) < 0)
        return guest_fail(v->name, p->path ? p->path : "", &e);
    if (!p->directory && (count > 1 || ends_in_slash(p->path)))
        return ctl_say(CTL_REFUSED, "cp '%s': not a directory", p->path);
    c->alone = count == 1;
    for (int i = 0; i < count; i++)
        if (copy(c, from_guest ? guest_path(sources[i]) : sources[i], p) < 0)
            return CTL_FAILED;
    return pool_finish(&c->pool) < 0 ? CTL_FAILED : c->pool.code;
}

int verb_cp(struct ctl *ctl, const struct verb *v, int argc, char **argv)
{
    static struct copy c;
    struct options o = ctl_options(v, argc, argv);
    struct copy_place place = {0};
    int code, sources, there;
    struct err e;

    c = (struct copy){.ctl = ctl};
    code = parse(v, &o, &c);
    if (code != 0)
        return code;
    sources = side(v, argv + o.at, argc - o.at - 1);
    there = *argv[argc - 1] == ':';
    if (sources < 0)
        return CTL_USAGE;
    if (!sources && !there)
        return ctl_usage(v, CTL_USAGE, "neither is the guest's: its paths begin with a colon");
    if (sources && there && c.resume)
        return ctl_usage(v, CTL_USAGE, "--resume is for what is sent, not for copies in the guest");
    place.path = guest_path(argv[argc - 1]);
    if (guest_open(&c.guest, ctl, c.owner, &e) < 0)
        return ctl_fail(CTL_USAGE, &e);
    pool_init(&c.pool, ctl, v->name);
    if (strcmp(place.path, "-") == 0 && !there)
        c.pool.progress.shown_at_all = false; /* the terminal is for the content */
    code = copy_all(&c, v, argv + o.at, argc - o.at - 1, sources, there, &place);
    pool_close(&c.pool);
    guest_close(&c.guest);
    return code;
}
