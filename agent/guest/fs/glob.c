#include "guest/fs/glob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "core/fd.h"
#include "core/limits.h"
#include "core/utf8.h"
#include "guest/fs/status.h"
#include "guest/fs/walk.h"

#define PARTS_MAX 63 /* with the end a place in each 64 bits of a set */

/* --- one name -------------------------------------------------------------------------------- */

/* The length of the character at the beginning; a byte that is not UTF-8 is one. */
static size_t char_length(struct bytes s)
{
    size_t n = utf8_char(s);

    return n ? n : 1;
}

/* Takes n bytes off the front; they are returned. */
static struct bytes cut(struct bytes *s, size_t n)
{
    struct bytes front = {s->ptr, n};

    s->ptr += n;
    s->len -= n;
    return front;
}

/* The order of two characters is that of their bytes. */
static int compare(struct bytes a, struct bytes b)
{
    int order = memcmp(a.ptr, b.ptr, MIN(a.len, b.len));

    return order ? order : (int)a.len - (int)b.len;
}

/* A character of a set, perhaps behind a backslash. Returns 0, or -1: there is none. */
static int set_char(struct bytes *p, struct bytes *c)
{
    if (p->len == 0 || *p->ptr == '-' || *p->ptr == ']')
        return -1;
    if (*p->ptr == '\\') {
        cut(p, 1);
        if (p->len == 0)
            return -1;
    }
    *c = cut(p, char_length(*p));
    return p->len > 0 ? 0 : -1; /* the set has to be closed */
}

/* Whether the character is in the set that *p begins with (behind its bracket), which is taken off. Returns 0, 1, or -1: it is no
 * set. */
static int match_set(struct bytes *p, struct bytes c)
{
    bool negated = p->len > 0 && *p->ptr == '^', found = false;

    if (negated)
        cut(p, 1);
    for (bool first = true;; first = false) {
        struct bytes low, high;

        if (p->len > 0 && *p->ptr == ']' && !first)
            break;
        if (set_char(p, &low) < 0)
            return -1;
        high = low;
        if (*p->ptr == '-') {
            cut(p, 1);
            if (set_char(p, &high) < 0)
                return -1;
        }
        found |= compare(low, c) <= 0 && compare(c, high) <= 0;
    }
    cut(p, 1);
    return found != negated;
}

/* What one step of the pattern makes of the name's first character; both are taken off when it fits. An empty name fits nothing, but
 * the step is taken off and looked at. Returns 1, 0, or -1: a bad pattern. */
static int match_one(struct bytes *p, struct bytes *name)
{
    struct bytes c = name->len > 0 ? cut(name, char_length(*name)) : (struct bytes){"", 0}, literal;
    int fits;

    switch (*p->ptr) {
    case '?':
        cut(p, 1);
        return c.len > 0;
    case '[':
        cut(p, 1);
        fits = match_set(p, c);
        return fits > 0 ? c.len > 0 : fits;
    case '\\':
        cut(p, 1);
        if (p->len == 0)
            return -1;
        break;
    default:
        break;
    }
    literal = cut(p, char_length(*p));
    return bytes_equal(literal, c);
}

/* Whether the pattern is one at all. */
static bool well_formed(struct bytes p)
{
    while (p.len > 0) {
        struct bytes nothing = {"", 0};

        if (*p.ptr == '*')
            cut(&p, 1);
        else if (match_one(&p, &nothing) < 0)
            return false;
    }
    return true;
}

/* Only the last star has to be tried again: what the ones before it have matched may stay. */
static bool match(struct bytes p, struct bytes name)
{
    struct bytes star = {NULL, 0}, from = name;

    while (p.len > 0 || name.len > 0) {
        struct bytes before = p, rest = name;

        if (p.len > 0 && *p.ptr == '*') {
            cut(&p, 1);
            star = p;
            from = name;
            continue;
        }
        if (p.len > 0 && match_one(&before, &rest) > 0) {
            p = before;
            name = rest;
            continue;
        }
        if (!star.ptr || from.len == 0)
            return false;
        cut(&from, char_length(from));
        p = star;
        name = from;
    }
    return true;
}

bool fs_glob_match(struct bytes pattern, struct bytes name, bool *bad)
{
    bool hidden = name.len > 0 && *name.ptr == '.';

    *bad = !well_formed(pattern);
    if (*bad || (hidden && (pattern.len == 0 || (*pattern.ptr != '.' && *pattern.ptr != '\\'))))
        return false;
    return match(pattern, name);
}

/* --- a path ---------------------------------------------------------------------------------- */

struct part {
    struct bytes text;
    bool deep; /* ** */
};

struct search {
    struct fs_glob *g;
    struct part parts[PARTS_MAX];
    size_t count;
    size_t room; /* at g->paths */
    struct err *e;
};

/* A set of places: those in the pattern that the names so far have led to; bit i is before part i, the end is bit `count`. */
typedef uint64_t places;

static bool has_meta(struct bytes part)
{
    for (size_t i = 0; i < part.len; i++)
        if (strchr("*?[\\", part.ptr[i]))
            return true;
    return false;
}

/* Cuts the pattern into parts; *root is the length of what stands before the first that is not plain. Returns 0 or -1. */
static int split(struct search *s, size_t *root)
{
    const char *at = s->g->pattern;
    bool plain = true;

    *root = 0;
    for (;;) {
        struct bytes part;

        at += strspn(at, "/");
        if (!*at)
            return 0;
        part = (struct bytes){at, strcspn(at, "/")};
        at += part.len;
        if (!well_formed(part))
            return err_set(s->e, STATUS_INVALID_ARGUMENT, 0, "syntax error in pattern");
        plain = plain && !has_meta(part);
        if (plain) {
            *root = (size_t)(at - s->g->pattern);
            continue;
        }
        if (s->count == PARTS_MAX)
            return err_set(s->e, STATUS_INVALID_ARGUMENT, 0, "a pattern of more than %d names", PARTS_MAX);
        s->parts[s->count++] = (struct part){part, bytes_are(part, "**")};
    }
}

/* With the places that a ** lets pass; what is behind the last one is reached by a name only. */
static places closure(const struct search *s, places set)
{
    for (size_t i = 0; i + 1 < s->count; i++)
        if (set >> i & 1 && s->parts[i].deep)
            set |= (places)1 << (i + 1);
    return set;
}

/* Where the name leads to. *through: the same without what only a ** gets to, for a link. */
static places advance(const struct search *s, places set, const char *name, places *through)
{
    places next = 0;
    bool bad;

    *through = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!(set >> i & 1))
            continue;
        if (!s->parts[i].deep && fs_glob_match(s->parts[i].text, bytes_of(name), &bad))
            *through |= (places)1 << (i + 1);
        if (s->parts[i].deep && name[0] != '.')
            next |= (places)1 << i | (i + 1 == s->count ? (places)1 << s->count : 0);
    }
    *through = closure(s, *through);
    return closure(s, next) | *through;
}

static int fail(struct search *s)
{
    return s->g->arena->exhausted
               ? err_set(s->e, STATUS_RESOURCE_EXHAUSTED, 0, "too many matches of '%s'", s->g->pattern)
               : err_nomem(s->e, "match a pattern");
}

static int add(struct search *s, const char *path)
{
    struct fs_glob *g = s->g;
    const char *copy = arena_string(g->arena, bytes_of(path));

    if (!copy)
        return fail(s);
    if (g->count == LIST_ENTRIES_MAX)
        return err_set(s->e, STATUS_RESOURCE_EXHAUSTED, 0, "more than %u matches (LIST_ENTRIES_MAX) of '%s'",
                       (unsigned)LIST_ENTRIES_MAX, g->pattern);
    if (g->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        const char **more = arena_array(g->arena, room, sizeof *more);

        if (!more)
            return fail(s);
        if (g->count)
            memcpy(more, g->paths, g->count * sizeof *more);
        g->paths = more;
        s->room = room;
    }
    g->paths[g->count++] = copy;
    return 0;
}

/* What cannot be read is left out, but not for want of memory or descriptors: an answer would look whole. Returns 0 or -1. */
static int pass_over(struct search *s)
{
    return fs_status(errno) == STATUS_RESOURCE_EXHAUSTED
               ? err_set(s->e, STATUS_RESOURCE_EXHAUSTED, errno, "match '%s'", s->g->pattern)
               : 0;
}

static int search_below(struct search *s, const char *root, places set);

/* Below the walk's current directory, whose places are in its level's mark. Returns 0 or -1. */
static int look_at(struct search *s, struct fs_walk *w, const char *root, const struct fs_walk_entry *entry)
{
    places through, next = advance(s, fs_walk_level(w)->mark, entry->name, &through);
    places end = (places)1 << s->count;
    CLEANUP_FREE char *path = NULL; /* not on the stack: links lead here again */

    if (!next)
        return 0;
    path = malloc(PATH_MAX);
    if (!path)
        return fail(s);
    fs_walk_path(w, root, entry->name, path, PATH_MAX);
    if (next & end && add(s, path) < 0)
        return -1;
    next &= ~end;
    through &= ~end;
    if (entry->type == DT_LNK && through)
        return search_below(s, path, through);
    if (entry->type != DT_DIR || !next)
        return 0;
    if (fs_walk_down(w, entry->name) < 0)
        return pass_over(s);
    fs_walk_level(w)->mark = (size_t)next;
    return 0;
}

static int walk(struct search *s, struct fs_walk *w, const char *root)
{
    struct fs_walk_entry entry;

    for (;;) {
        int ret = fs_walk_next(w, &entry);

        if (atomic_load(s->g->stop))
            return err_set(s->e, STATUS_CANCELED, 0, "matching '%s' was stopped", s->g->pattern);
        if (ret < 0 && pass_over(s) < 0)
            return -1;
        if (ret > 0) {
            if (look_at(s, w, root, &entry) < 0)
                return -1;
        } else if (w->depth == 1 || fs_walk_up(w) < 0) {
            return 0;
        }
    }
}

/* What is below a directory, to which a link may lead. Each link on the way has used up a part of the pattern: they are no more than
 * it has. */
static int search_below(struct search *s, const char *root, places set)
{
    struct fs_walk w = {0};
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK), ret;

    if (fd < 0 || fs_walk_begin(&w, fd) < 0)
        return pass_over(s);
    fs_walk_level(&w)->mark = (size_t)closure(s, set);
    ret = walk(s, &w, strcmp(root, "/") == 0 ? "" : root);
    fs_walk_end(&w);
    return ret;
}

/* By names, not by bytes: what is in a directory follows it. */
static int by_names(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;

    while (*x && *x == *y) {
        x++;
        y++;
    }
    return (*x == '/' ? 1 : 2 * (unsigned char)*x) - (*y == '/' ? 1 : 2 * (unsigned char)*y);
}

/* Two links may lead to one place, but a path is told once. */
static void sort(struct fs_glob *g)
{
    size_t kept = 0;

    if (g->count == 0)
        return;
    qsort(g->paths, g->count, sizeof *g->paths, by_names);
    for (size_t i = 1; i < g->count; i++)
        if (strcmp(g->paths[kept], g->paths[i]) != 0)
            g->paths[++kept] = g->paths[i];
    g->count = kept + 1;
}

int fs_glob(struct fs_glob *g, struct err *e)
{
    struct search s = {.g = g, .e = e};
    CLEANUP_FREE char *root = NULL;
    struct stat st;
    size_t len;

    g->paths = NULL;
    g->count = 0;
    if (split(&s, &len) < 0)
        return -1;
    root = len > 0 ? strndup(g->pattern, len) : strdup("/");
    if (!root)
        return err_nomem(e, "match a pattern");
    if (s.count == 0)
        return lstat(root, &st) == 0 ? add(&s, root) : 0;
    if (search_below(&s, root, 1) < 0)
        return -1;
    sort(g);
    return 0;
}
