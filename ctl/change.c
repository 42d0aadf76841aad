/* rm, mkdir, mv and chmod: what is changed in the guest without any content. Each goes on after an operand that fails. */
#include <stdio.h>

#include "ctl/guest.h"
#include "ctl/verbs.h"

/* What the verbs have in common. */
struct change {
    const struct verb *verb;
    bool recursive, force, parents;
    uint32_t mode; /* 0: not given, of mkdir and of rm */
    struct guest guest;
};

/* Octal permission bits. Returns 0, or -1 with *e. */
static int parse_mode(const char *text, uint32_t *mode, struct err *e)
{
    char *end;
    unsigned long v = *text >= '0' && *text <= '7' ? strtoul(text, &end, 8) : 010000;

    if (v > 07777 || *end)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is no mode in octal (755)", text);
    *mode = (uint32_t)v;
    return 0;
}

/* Parses the options and demands operands. Returns the index of the first, or -1 after it has said what is wrong. */
static int parse(struct change *ch, const struct ctl *c, const struct verb *v, int argc, char **argv,
                 int least)
{
    struct options o = ctl_options(v, argc, argv);
    const char *value;
    struct err e;
    int id, ret = 0;

    *ch = (struct change){.verb = v};
    while (ret == 0 && (id = options_next(&o, &value, &e)) != OPTIONS_END) {
        ch->recursive |= id == RM_RECURSIVE || id == CHMOD_RECURSIVE;
        ch->force |= id == RM_FORCE;
        ch->parents |= id == MKDIR_PARENTS;
        if (id == OPTIONS_ERROR || (id == MKDIR_MODE && parse_mode(value, &ch->mode, &e) < 0))
            ret = -1;
    }
    if (ret < 0 || guest_open(&ch->guest, c, NULL, &e) < 0) {
        ctl_fail(CTL_USAGE, &e);
        return -1;
    }
    if (argc - o.at < least && !(ch->force && argc == o.at)) {
        ctl_usage(v, CTL_USAGE, "an operand is missing");
        return -1;
    }
    return o.at;
}

/* Does `one` with each operand. Returns the exit code. */
static int each(struct change *ch, int count, char **operands,
                int (*one)(struct change *, const char *, struct answer_error *))
{
    int code = CTL_OK;

    for (int i = 0; i < count && code != CTL_FAILED; i++) {
        struct answer_error e = {.from_agent = true};
        const char *path = guest_path(operands[i]);

        if (one(ch, path, &e) < 0)
            code = guest_fail(ch->verb->name, path, &e);
        guest_forget(&ch->guest);
    }
    guest_close(&ch->guest);
    return code;
}

/* --- rm -------------------------------------------------------------------------------------- */

static int remove_one(struct change *ch, const char *path, struct answer_error *e)
{
    const guest_file *f;

    if (strspn(path, "/") == strlen(path)) /* also the empty one: nobody means all of it */
        return err_set(&e->err, STATUS_INVALID_ARGUMENT, 0, "this is not removed");
    f = guest_stat(&ch->guest, path, false, e);
    if (!f)
        return ch->force && e->err.status == STATUS_NOT_FOUND ? 0 : -1;
    if (f->type != GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY)
        return guest_remove(&ch->guest, path, e);
    if (ch->recursive)
        return guest_remove_all(&ch->guest, path, e);
    e->from_agent = true;
    return err_set(&e->err, STATUS_FAILED_PRECONDITION, 0, "a directory (-r removes it)");
}

int verb_rm(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct change ch;
    int at = parse(&ch, c, v, argc, argv, 1);

    return at < 0 ? CTL_USAGE : each(&ch, argc - at, argv + at, remove_one);
}

/* --- mkdir ----------------------------------------------------------------------------------- */

static int make_one(struct change *ch, const char *path, struct answer_error *e)
{
    if (!ch->parents)
        return guest_mkdir(&ch->guest, path, ch->mode, e);
    if (guest_mkdir_all(&ch->guest, path, e) < 0)
        return e->err.status == STATUS_ALREADY_EXISTS ? 0 : -1;
    return ch->mode ? guest_chmod(&ch->guest, path, ch->mode, false, e) : 0;
}

int verb_mkdir(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct change ch;
    int at = parse(&ch, c, v, argc, argv, 1);

    return at < 0 ? CTL_USAGE : each(&ch, argc - at, argv + at, make_one);
}

/* --- mv -------------------------------------------------------------------------------------- */

static const char *destination; /* of move_one, without the colon */
static bool into;               /* it is a directory that is there */

static int move_one(struct change *ch, const char *path, struct answer_error *e)
{
    struct bytes base = guest_base(path);
    CLEANUP_FREE char *name = strndup(base.ptr, base.len);
    CLEANUP_FREE char *to = name ? into ? guest_join(destination, name) : strdup(destination) : NULL;

    return to ? guest_move(&ch->guest, path, to, e) : err_nomem(&e->err, "move");
}

int verb_mv(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct change ch;
    int at = parse(&ch, c, v, argc, argv, 2);
    struct answer_error e;
    const guest_file *f;

    if (at < 0)
        return CTL_USAGE;
    destination = guest_path(argv[argc - 1]);
    f = guest_stat(&ch.guest, destination, true, &e);
    into = f && f->type == GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY;
    if ((!f && e.err.status != STATUS_NOT_FOUND) || *destination == 0)
        return f ? ctl_usage(v, CTL_USAGE, "the destination is empty") : guest_fail(v->name, destination, &e);
    if (!into && (argc - at > 2 || destination[strlen(destination) - 1] == '/'))
        return ctl_say(CTL_REFUSED, "mv '%s': not a directory", destination);
    return each(&ch, argc - at - 1, argv + at, move_one);
}

/* --- chmod ----------------------------------------------------------------------------------- */

static int change_one(struct change *ch, const char *path, struct answer_error *e)
{
    return guest_chmod(&ch->guest, path, ch->mode, ch->recursive, e);
}

int verb_chmod(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct change ch;
    int at = parse(&ch, c, v, argc, argv, 2);
    struct err e;

    if (at < 0)
        return CTL_USAGE;
    if (parse_mode(argv[at], &ch.mode, &e) < 0)
        return ctl_fail(CTL_USAGE, &e);
    return each(&ch, argc - at - 1, argv + at + 1, change_one);
}
