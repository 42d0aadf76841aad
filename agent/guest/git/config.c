#include "guest/git/config.h"

/* --- keys ------------------------------------------------------------------------------------ */

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_alpha(c) || (c >= '0' && c <= '9') || c == '-';
}

/* Where the last dot stands, or the length. */
static size_t last_dot(struct bytes key)
{
    const char *dot = key.len > 0 ? memrchr(key.ptr, '.', key.len) : NULL;

    return dot ? (size_t)(dot - key.ptr) : key.len;
}

bool git_config_is_key(struct bytes text)
{
    const char *first = text.len > 0 ? memchr(text.ptr, '.', text.len) : NULL;
    size_t section = first ? (size_t)(first - text.ptr) : 0, dot = last_dot(text);

    if (section == 0 || dot + 1 >= text.len || !is_alpha(text.ptr[dot + 1]))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool outside = i < section || i > dot;

        if (outside ? !is_word(text.ptr[i]) : text.ptr[i] == '\n' || text.ptr[i] == 0)
            return false;
    }
    return true;
}

void git_config_canonical(char *key, size_t n)
{
    const char *first = n > 0 ? memchr(key, '.', n) : NULL;
    size_t section = first ? (size_t)(first - key) : n, dot = last_dot((struct bytes){key, n});

    for (size_t i = 0; i < n; i++)
        if ((i < section || i > dot) && key[i] >= 'A' && key[i] <= 'Z')
            key[i] = (char)(key[i] - 'A' + 'a');
}

bool git_config_is_secret(struct bytes key)
{
    static const char *const ends[] = {"extraheader", "pass", "password", "secret", "token"};
    size_t dot = last_dot(key);

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        size_t n = strlen(ends[i]);

        if (dot + 1 + n <= key.len && memcmp(key.ptr + key.len - n, ends[i], n) == 0)
            return true;
    }
    return false;
}

/* --- the list -------------------------------------------------------------------------------- */

static int take_scope(struct git_config *r, struct bytes name, struct err *e)
{
    static const struct {
        const char *name;
        enum git_scope scope;
    } scopes[] = {{"local", GIT_SCOPE_LOCAL},   {"worktree", GIT_SCOPE_LOCAL}, {"global", GIT_SCOPE_GLOBAL},
                  {"system", GIT_SCOPE_SYSTEM}, {"unknown", GIT_SCOPE_ANY},    {"submodule", GIT_SCOPE_ANY}};

    r->in_entry = true;
    r->skip = bytes_are(name, "command");
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        if (bytes_are(name, scopes[i].name)) {
            r->scope = scopes[i].scope;
            return 0;
        }
    }
    return r->skip ? 0
                   : err_set(e, STATUS_INTERNAL, 0, "git config wrote the scope '%.*s'",
                             (int)MIN(name.len, (size_t)100), name.ptr);
}

/* A scope, and then "key\nvalue" or "key". */
static int on_record(struct git_records *records, struct bytes record, struct err *e)
{
    struct git_config *r = CONTAINER_OF(records, struct git_config, records);
    struct git_config_entry x = {.scope = r->scope, .key = record};
    const char *end;

    if (!r->in_entry)
        return take_scope(r, record, e);
    r->in_entry = false;
    end = record.len > 0 ? memchr(record.ptr, '\n', record.len) : NULL;
    if (end) {
        x.key.len = (size_t)(end - record.ptr);
        x.value = (struct bytes){end + 1, record.len - x.key.len - 1};
    }
    return r->skip ? 0 : r->entry(r->arg, &x, e);
}

void git_config_init(struct git_config *r,
                     int (*entry)(void *arg, const struct git_config_entry *x, struct err *e), void *arg)
{
    *r = (struct git_config){.records = {.end = 0, .record = on_record}, .entry = entry, .arg = arg};
}

int git_config_feed(struct git_config *r, struct bytes data, struct err *e)
{
    return git_records_feed(&r->records, data, e);
}

int git_config_end(const struct git_config *r, struct err *e)
{
    if (r->in_entry)
        return err_set(e, STATUS_INTERNAL, 0, "what git wrote ends inside an entry");
    return git_records_end(&r->records, e);
}

void git_config_clear(struct git_config *r)
{
    git_records_clear(&r->records);
}
