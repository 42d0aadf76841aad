#include "guest/git/updates.h"

/* --- lines ----------------------------------------------------------------------------------- */

/* What stands before the byte, cut off the front of *text with it. Where there is none, false. */
static bool cut(struct bytes *text, char end, struct bytes *out)
{
    const char *at = text->len > 0 ? memchr(text->ptr, end, text->len) : NULL;

    if (!at)
        return false;
    *out = (struct bytes){text->ptr, (size_t)(at - text->ptr)};
    text->ptr = at + 1;
    text->len -= out->len + 1;
    return true;
}

static enum git_update_kind kind_of(char flag)
{
    static const struct {
        char flag;
        enum git_update_kind kind;
    } kinds[] = {{' ', GIT_UPDATE_FAST_FORWARD}, {'+', GIT_UPDATE_FORCED},   {'-', GIT_UPDATE_DELETED},
                 {'*', GIT_UPDATE_NEW},          {'!', GIT_UPDATE_REJECTED}, {'=', GIT_UPDATE_UP_TO_DATE},
                 {'t', GIT_UPDATE_TAG}};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].flag == flag)
            return kinds[i].kind;
    return GIT_UPDATE_UNSPECIFIED;
}

/* The words between the first "(" and the ")" at the text's end. */
static struct bytes in_parentheses(struct bytes text)
{
    const char *open = text.len > 0 ? memchr(text.ptr, '(', text.len) : NULL;

    if (!open || text.ptr[text.len - 1] != ')')
        return (struct bytes){0};
    return (struct bytes){open + 1, (size_t)(text.ptr + text.len - 1 - (open + 1))};
}

struct bytes git_update_id(struct bytes line)
{
    for (size_t i = 0; i < line.len; i++)
        if (hex_digit(line.ptr[i]) < 0)
            return (struct bytes){0};
    return line.len == 40 || line.len == 64 ? line : (struct bytes){0}; /* SHA-1 or SHA-256 */
}

/* "OLD..NEW", or "OLD...NEW" of what was forced. */
static void take_ids(struct bytes summary, struct git_update *out)
{
    struct bytes old_id, new_id;

    if (!cut(&summary, '.', &old_id))
        return;
    while (summary.len > 0 && *summary.ptr == '.') {
        summary.ptr++;
        summary.len--;
    }
    if (!cut(&summary, ' ', &new_id))
        new_id = summary;
    out->old_id = git_update_id(old_id);
    out->new_id = git_update_id(new_id);
}

/* "FLAG TAB FROM:TO TAB SUMMARY", and the reason in parentheses. */
bool git_update_pushed(struct bytes line, struct git_update *out)
{
    *out = (struct git_update){0};
    if (line.len < 3 || line.ptr[1] != '\t')
        return false;
    out->kind = kind_of(line.ptr[0]);
    line.ptr += 2;
    line.len -= 2;
    if (out->kind == GIT_UPDATE_UNSPECIFIED || !cut(&line, ':', &out->from) || !cut(&line, '\t', &out->to))
        return false;
    take_ids(line, out);
    if (out->kind == GIT_UPDATE_REJECTED)
        out->reason = in_parentheses(line);
    return out->to.len > 0;
}

/* " FLAG SUMMARY REMOTE -> LOCAL", and the reason in parentheses. */
bool git_update_fetched(struct bytes line, struct git_update *out)
{
    static const char arrow[] = " -> ";
    const char *at = line.len > 0 ? memmem(line.ptr, line.len, arrow, sizeof arrow - 1) : NULL;
    struct bytes rest;

    *out = (struct git_update){0};
    if (!at || at < line.ptr + 3 || line.ptr[0] != ' ' || line.ptr[2] != ' ')
        return false;
    out->kind = kind_of(line.ptr[1]);
    rest.ptr = at + sizeof arrow - 1;
    rest.len = line.len - (size_t)(rest.ptr - line.ptr);
    if (!cut(&rest, ' ', &out->to))
        out->to = rest;
    if (out->kind == GIT_UPDATE_REJECTED)
        out->reason = in_parentheses(rest);
    return out->kind != GIT_UPDATE_UNSPECIFIED && out->to.len > 0;
}

int git_lines_feed(struct git_lines *l, struct bytes data, struct err *e)
{
    for (size_t i = 0; i < data.len; i++) {
        if (data.ptr[i] == '\r' || data.ptr[i] == '\n') {
            struct bytes line = {l->text, l->len};

            l->len = 0;
            if (line.len <= sizeof l->text && l->line(l, line, e) < 0)
                return -1;
        } else if (l->len < sizeof l->text) {
            l->text[l->len++] = data.ptr[i];
        } else {
            l->len = sizeof l->text + 1;
        }
    }
    return 0;
}

/* --- listings -------------------------------------------------------------------------------- */

/* Keeps a line of the first listing. */
static int keep(struct git_refs *r, struct bytes line, struct err *e)
{
    if (line.len + 1 > GIT_ANSWER_BYTES - r->len)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0,
                       "the repository's references take more than %zu bytes", (size_t)GIT_ANSWER_BYTES);
    if (r->len + line.len + 1 > r->cap) {
        size_t cap = MAX(2 * (r->len + line.len + 1), 4096);
        char *first = realloc(r->first, cap);

        if (!first)
            return err_nomem(e, "read what git says");
        r->first = first;
        r->cap = cap;
    }
    memcpy(r->first + r->len, line.ptr, line.len);
    r->first[r->len + line.len] = '\n';
    r->len += line.len + 1;
    return 0;
}

/* The next of the first listing, without moving on: its id and name, and how long its line is with the line feed; 0: there is none. */
static size_t next_of_first(const struct git_refs *r, struct bytes *id, struct bytes *name)
{
    struct bytes rest, line;

    if (r->at == r->len)
        return 0;
    rest = (struct bytes){r->first + r->at, r->len - r->at};
    if (!cut(&rest, '\n', &line))
        return 0;
    *name = line;
    cut(name, ' ', id);
    return line.len + 1;
}

static int compare(struct bytes a, struct bytes b)
{
    int order = memcmp(a.ptr, b.ptr, MIN(a.len, b.len));

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* What the first listing has before that name is not in the second. */
static int find_gone(struct git_refs *r, const struct bytes *until, struct err *e)
{
    struct bytes id = {0}, name = {0};
    size_t n;

    while ((n = next_of_first(r, &id, &name)) > 0 && (!until || compare(name, *until) < 0)) {
        r->at += n;
        if (r->found(r, name, id, (struct bytes){0}, e) < 0)
            return -1;
    }
    return 0;
}

static int on_line(struct git_records *records, struct bytes line, struct err *e)
{
    struct git_refs *r = CONTAINER_OF(records, struct git_refs, records);
    struct bytes name = line, id, old_id = {0}, old_name;
    size_t n;

    if (line.len == 0)
        return 0;
    if (!cut(&name, ' ', &id) || git_update_id(id).len == 0 || name.len == 0)
        return err_set(e, STATUS_INTERNAL, 0, "git for-each-ref wrote '%.*s'",
                       (int)MIN(line.len, (size_t)100), line.ptr);
    if (!r->second)
        return keep(r, line, e);
    if (find_gone(r, &name, e) < 0)
        return -1;
    n = next_of_first(r, &old_id, &old_name);
    if (n > 0 && compare(old_name, name) == 0)
        r->at += n;
    else
        old_id = (struct bytes){0};
    return r->found(r, name, old_id, id, e);
}

void git_refs_init(struct git_refs *r, int (*found)(struct git_refs *r, struct bytes name,
                                                    struct bytes old_id, struct bytes new_id, struct err *e))
{
    *r = (struct git_refs){.records = {.end = '\n', .record = on_line}, .found = found};
}

int git_refs_feed(struct git_refs *r, struct bytes data, struct err *e)
{
    return git_records_feed(&r->records, data, e);
}

int git_refs_turn(struct git_refs *r, struct err *e)
{
    r->second = true;
    return git_records_end(&r->records, e);
}

int git_refs_end(struct git_refs *r, struct err *e)
{
    return git_records_end(&r->records, e) < 0 ? -1 : find_gone(r, NULL, e);
}

void git_refs_clear(struct git_refs *r)
{
    git_records_clear(&r->records);
    free(TAKE(r->first));
    r->len = r->cap = r->at = 0;
}
