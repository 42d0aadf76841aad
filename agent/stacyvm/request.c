#include "stacyvm/request.h"

enum member { MEMBER_NONE, MEMBER_ID, MEMBER_METHOD, MEMBER_PARAMS };

static const char *const members[] = {
    [MEMBER_ID] = "id", [MEMBER_METHOD] = "method", [MEMBER_PARAMS] = "params"};

static const char *const fields[] = {
    [FIELD_COMMAND] = "command", [FIELD_MODE] = "mode",           [FIELD_WORK_DIR] = "work_dir",
    [FIELD_PATH] = "path",       [FIELD_OLD_PATH] = "old_path",   [FIELD_NEW_PATH] = "new_path",
    [FIELD_PATTERN] = "pattern", [FIELD_CONTENT] = "content",     [FIELD_ARGS] = "args",
    [FIELD_ENV] = "env",         [FIELD_RECURSIVE] = "recursive", [FIELD_PARAMS] = "the params",
};

/* Where a value belongs. */
enum place { NOWHERE, ROOT, ENVELOPE, FIELD, ELEMENT };

void request_init(struct request *r)
{
    *r =
        (struct request){.arena = {.max = STACYVM_REQUEST_MAX}, .id = BYTES_LIT(""), .method = BYTES_LIT("")};
    r->field = FIELD_NONE;
    for (int i = 0; i < FIELD_TEXTS; i++)
        r->texts[i] = "";
}

void request_clear(struct request *r)
{
    arena_clear(&r->arena);
    free(TAKE(r->args));
    free(TAKE(r->env));
    free(TAKE(r->text));
}

/* Where the value is that begins or ends at this depth. */
static enum place place_of(const struct request *r, unsigned depth)
{
    switch (depth) {
    case 0:
        return ROOT;
    case 1:
        return ENVELOPE;
    case 2:
        return r->in_params && r->field != FIELD_NONE ? FIELD : NOWHERE;
    case 3:
        return r->in_params && r->in_field ? ELEMENT : NOWHERE;
    default:
        return NOWHERE;
    }
}

static void wrong(struct request *r, enum request_field field)
{
    r->wrong |= 1u << field;
}

/* --- strings --------------------------------------------------------------------------------- */

/* Whether the string that is coming is worth keeping: names always are. */
static bool is_kept(const struct request *r)
{
    enum place p = place_of(r, r->json.depth);

    if (r->too_long)
        return false;
    if (r->json.is_key)
        return p == ENVELOPE || (r->json.depth == 2 && r->in_params) || p == ELEMENT;
    return (p == ENVELOPE && r->member != MEMBER_NONE) || (p == FIELD && r->field < FIELD_TEXTS) ||
           p == ELEMENT;
}

static bool is_content(const struct request *r)
{
    return !r->json.is_key && r->field == FIELD_CONTENT && place_of(r, r->json.depth) == FIELD;
}

static void add_text(struct request *r, struct bytes piece)
{
    size_t wanted = r->text_len + piece.len;

    if (wanted > STACYVM_REQUEST_MAX) {
        r->too_long = true;
        return;
    }
    if (wanted > r->text_cap) {
        size_t cap = MAX(2 * r->text_cap, MAX(wanted, (size_t)64));
        char *more = realloc(r->text, cap);

        if (!more) {
            r->lost = true;
            return;
        }
        r->text = more;
        r->text_cap = cap;
    }
    memcpy(r->text + r->text_len, piece.ptr, piece.len);
    r->text_len = wanted;
}

/* What has come of the string. */
static struct bytes whole(const struct request *r)
{
    return (struct bytes){r->text_len ? r->text : "", r->text_len};
}

/* The string in the arena, NUL-terminated; its length is text_len. */
static const char *keep(struct request *r)
{
    const char *s = arena_string(&r->arena, whole(r));

    r->too_long |= !s && r->arena.exhausted;
    r->lost |= !s && !r->arena.exhausted;
    return s ? s : "";
}

static unsigned find(const char *const *names, size_t count, struct bytes name, unsigned none)
{
    for (unsigned i = 0; i < count; i++)
        if (names[i] && bytes_are(name, names[i]))
            return i;
    return none;
}

static void take_name(struct request *r)
{
    switch (r->json.depth) {
    case 1:
        r->member = (unsigned char)find(members, ARRAY_LEN(members), whole(r), MEMBER_NONE);
        break;
    case 2:
        if (r->in_params)
            r->field = (enum request_field)find(fields, FIELD_PARAMS, whole(r), FIELD_NONE);
        break;
    default:
        if (place_of(r, r->json.depth) == ELEMENT)
            r->name = keep(r);
    }
}

/* Room for one more element behind `count` of them, which are doubled when there is none. Returns the list, or NULL. */
static void *grow(void *list, size_t count, size_t size)
{
    if (count > 0 && (count & (count - 1)) != 0)
        return list;
    return reallocarray(list, count ? 2 * count : 1, size);
}

static void take_element(struct request *r)
{
    const char *value = keep(r);
    bool arg = r->field == FIELD_ARGS;
    void *list =
        arg ? grow(r->args, r->arg_count, sizeof *r->args) : grow(r->env, r->env_count, sizeof *r->env);

    if (!list) {
        r->lost = true;
        return;
    }
    if (strlen(value) != r->text_len && !r->too_long)
        wrong(r, r->field);
    if (arg) {
        r->args = list;
        r->args[r->arg_count++] = value;
        return;
    }
    r->env = list;
    r->env[r->env_count++] = (struct exec_var){r->name, value};
    if (!*r->name || strchr(r->name, '='))
        wrong(r, FIELD_ENV);
}

static void take_field(struct request *r)
{
    if (r->field >= FIELD_TEXTS) {
        wrong(r, r->field);
        return;
    }
    r->texts[r->field] = keep(r);
    if (strlen(r->texts[r->field]) != r->text_len && !r->too_long)
        wrong(r, r->field);
    r->has_path |= r->field == FIELD_PATH;
}

/* Returns 0, or -1: no request has a string there. */
static int take_string(struct request *r)
{
    struct bytes kept;

    switch (place_of(r, r->json.depth)) {
    case ROOT:
        return -1;
    case ENVELOPE:
        kept = (struct bytes){keep(r), r->text_len};
        if (r->too_long)
            kept.len = 0;
        if (r->member == MEMBER_ID)
            r->id = kept;
        else if (r->member == MEMBER_METHOD)
            r->method = kept;
        else if (r->member == MEMBER_PARAMS)
            wrong(r, FIELD_PARAMS);
        return 0;
    case FIELD:
        take_field(r);
        return 0;
    case ELEMENT:
        take_element(r);
        return 0;
    case NOWHERE:
        return 0;
    }
    return 0;
}

/* --- everything else ------------------------------------------------------------------------- */

/* Another value than a string, at its own depth; null means that there is none. Returns 0 or -1. */
static int take_other(struct request *r, enum json_token token)
{
    enum place p = place_of(r, r->json.depth);

    if (p == ROOT)
        return -1;
    if (token == JSON_WORD_NULL || p == NOWHERE)
        return 0;
    if (p == ENVELOPE) {
        if (r->member == MEMBER_PARAMS)
            wrong(r, FIELD_PARAMS);
        return r->member == MEMBER_ID || r->member == MEMBER_METHOD ? -1 : 0;
    }
    if (p == FIELD && r->field == FIELD_RECURSIVE && token != JSON_NUMBER)
        r->recursive = token == JSON_WORD_TRUE;
    else
        wrong(r, r->field);
    return 0;
}

/* An object or an array begins; json.depth counts it already. Returns 0 or -1. */
static int enter(struct request *r, bool object)
{
    switch (place_of(r, r->json.depth - 1)) {
    case ROOT:
        return object ? 0 : -1;
    case ENVELOPE:
        r->in_params = object && r->member == MEMBER_PARAMS;
        r->field = FIELD_NONE;
        if (r->member == MEMBER_PARAMS && !object)
            wrong(r, FIELD_PARAMS);
        return r->member == MEMBER_ID || r->member == MEMBER_METHOD ? -1 : 0;
    case FIELD:
        r->in_field = object ? r->field == FIELD_ENV : r->field == FIELD_ARGS;
        if (!r->in_field)
            wrong(r, r->field);
        return 0;
    case ELEMENT:
        wrong(r, r->field);
        return 0;
    case NOWHERE:
        return 0;
    }
    return 0;
}

/* An object or an array has ended; json.depth counts it no more. */
static void leave(struct request *r)
{
    if (r->json.depth == 1)
        r->in_params = false;
    if (r->json.depth <= 2)
        r->in_field = false;
}

/* --- all ------------------------------------------------------------------------------------- */

/* A string is complete. Returns an event, or -1: there is nothing to tell. */
static int end_text(struct request *r)
{
    int ret = -1;

    if (r->json.is_key)
        take_name(r);
    else if (is_content(r))
        ret = REQUEST_CONTENT_END;
    else if (take_string(r) < 0)
        ret = REQUEST_BAD;
    r->text_len = 0;
    return ret;
}

/* What the token means. Returns an event, or -1: nothing to tell. */
static int take(struct request *r, enum json_token token, struct bytes *text)
{
    switch (token) {
    case JSON_MORE:
        return REQUEST_MORE;
    case JSON_BAD:
        return REQUEST_BAD;
    case JSON_TEXT:
        if (is_content(r))
            return REQUEST_CONTENT;
        if (is_kept(r))
            add_text(r, *text);
        return -1;
    case JSON_TEXT_END:
        return end_text(r);
    case JSON_OBJECT_BEGIN:
    case JSON_ARRAY_BEGIN:
        return enter(r, token == JSON_OBJECT_BEGIN) < 0 ? REQUEST_BAD : -1;
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
        leave(r);
        return r->json.done ? REQUEST_END : -1;
    default:
        return take_other(r, token) < 0 ? REQUEST_BAD : -1;
    }
}

enum request_event request_next(struct request *r, struct bytes *in, struct bytes *text)
{
    int event = -1;

    while (event < 0)
        event = take(r, json_next(&r->json, in, text), text);
    return r->lost ? REQUEST_BAD : (enum request_event)event;
}

int request_check(const struct request *r, unsigned wanted, struct err *e)
{
    unsigned wrong_ones = r->wrong & (wanted | 1u << FIELD_PARAMS);

    if (r->too_long)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "bad params: more than %u bytes besides the content",
                       (unsigned)STACYVM_REQUEST_MAX);
    for (unsigned i = 0; wanted && i <= FIELD_PARAMS; i++)
        if (wrong_ones >> i & 1)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "bad params: %s: wrong type, or a NUL in it",
                           fields[i]);
    return 0;
}
