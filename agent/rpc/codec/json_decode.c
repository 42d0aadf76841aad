#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "core/base64.h"
#include "core/limits.h"
#include "rpc/codec/json.h"
#include "rpc/codec/json_lift.h"
#include "rpc/codec/maps.h"

/* --- jansson within a budget ----------------------------------------------------------------- */

/* Every allocation of jansson's. There is one document at a time. */
struct block {
    LIST_ENTRY(block) link;
    _Alignas(16) uint8_t data[];
};

#define LOAD_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)

static LIST_HEAD(, block) blocks = LIST_HEAD_INITIALIZER(blocks);
static size_t budget;
static bool parsing, over_budget, out_of_memory;
static jmp_buf give_up;

/* jansson's parser does not look whether a string's buffer could grow: it loses the character, and without its closing
 * quote it reads and writes past the end. So while it parses, a failed allocation does not return to it. */
static void *budget_malloc(size_t size)
{
    struct block *b = size > budget ? NULL : malloc(sizeof *b + size);

    if (!b) {
        over_budget |= size > budget;
        out_of_memory |= size <= budget;
        if (parsing)
            longjmp(give_up, 1);
        return NULL;
    }
    budget -= MIN(malloc_usable_size(b), budget);
    LIST_INSERT_HEAD(&blocks, b, link);
    return b->data;
}

/* What is decoded is wiped when it goes: arena.h. */
static bool secret;

static void budget_free(void *p)
{
    struct block *b = p ? CONTAINER_OF(p, struct block, data) : NULL;

    if (!b)
        return;
    budget += malloc_usable_size(b);
    LIST_REMOVE(b, link);
    if (secret)
        explicit_bzero(b, malloc_usable_size(b));
    free(b);
}

/* Parses within the budget. NULL: it is malformed, or one of the flags above says why not. */
static json_t *load(struct bytes in, size_t flags, json_error_t *error)
{
    json_t *j;

    over_budget = out_of_memory = false;
    parsing = true;
    if (setjmp(give_up)) {
        while (!LIST_EMPTY(&blocks))
            budget_free(LIST_FIRST(&blocks)->data);
        parsing = false;
        return NULL;
    }
    j = json_loadb(in.ptr ? in.ptr : "", in.len, LOAD_FLAGS | flags, error);
    /* Some write 1e20 with all its digits; for jansson that is an integer, and too large for one. */
    if (!j && json_error_code(error) == json_error_numeric_overflow)
        j = json_loadb(in.ptr, in.len, LOAD_FLAGS | flags | JSON_DECODE_INT_AS_REAL, error);
    parsing = false;
    return j;
}

void json_init(void)
{
    size_t seed = 0;

    json_set_alloc_funcs(budget_malloc, budget_free);
    /* Hash collisions cannot be prepared. Without a seed jansson reads one of its own, from a device, which costs more. */
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0)
        seed = 0;
    json_object_seed(seed);
}

/* Depth of the brackets outside strings. jansson recurses, so it is looked at before. */
static bool too_deep(struct bytes in)
{
    unsigned depth = 0;
    bool string = false;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];

        if (string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                string = false;
        } else if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > NESTING_MAX)
                return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

/* A JSON value of any kind, with further flags for jansson; else as json_parse. */
static json_t *parse(struct bytes in, size_t flags, size_t max, struct err *e)
{
    json_error_t error = {.line = 0};
    json_t *j;

    if (too_deep(in)) {
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "unmarshal: nested deeper than %d levels", NESTING_MAX);
        return NULL;
    }
    budget = max;
    j = load(in, flags, &error);
    if (!j && over_budget)
        err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "unmarshal: the message needs more than %zu bytes of memory",
                max);
    else if (!j && out_of_memory)
        err_nomem(e, "unmarshal the request");
    else if (!j) /* error.text quotes the input near the fault: that may be a secret */
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "unmarshal: malformed JSON at line %d column %d", error.line,
                error.column);
    return j;
}

json_t *json_parse(struct bytes in, size_t max, struct err *e)
{
    json_t *j = parse(in, 0, max, e);

    if (!j || json_is_object(j))
        return j;
    json_decref(j);
    err_set(e, STATUS_INVALID_ARGUMENT, 0, "unmarshal: the JSON is not an object");
    return NULL;
}

char *json_text(const json_t *j)
{
    size_t n = json_dumpb(j, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = malloc(n + 1);

    if (text)
        text[json_dumpb(j, text, n, JSON_COMPACT | JSON_ENCODE_ANY)] = 0;
    return text;
}

/* --- values ---------------------------------------------------------------------------------- */

static int bad(const struct decoder *c, const ProtobufCFieldDescriptor *f, const char *why)
{
    return err_set(c->e, STATUS_INVALID_ARGUMENT, 0, "unmarshal %s: field '%s': %s", c->where, f->name, why);
}

int json_no_memory(const struct decoder *c)
{
    return c->a->exhausted
               ? err_set(c->e, STATUS_RESOURCE_EXHAUSTED, 0,
                         "unmarshal %s: the message needs more than %zu bytes of memory", c->where, c->a->max)
               : err_nomem(c->e, "unmarshal the request");
}

int json_bad(const struct decoder *c, const ProtobufCMessage *m, const char *why)
{
    return err_set(c->e, STATUS_INVALID_ARGUMENT, 0, "unmarshal %s: %s", m->descriptor->name, why);
}

static int too_nested(struct err *e)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "unmarshal: nested deeper than %d levels", NESTING_MAX);
}

/* A whole number in [min, max]: a JSON number without a fraction, or a string that holds one. `max` above
 * INT64_MAX reads as unsigned. */
static int get_integer(json_t *j, int64_t min, uint64_t max, uint64_t *out)
{
    double real;

    if (json_is_integer(j)) {
        json_int_t v = json_integer_value(j);

        *out = (uint64_t)v;
        return v < min || (v > 0 && (uint64_t)v > max) ? -1 : 0;
    }
    if (json_is_string(j)) {
        const char *s = json_string_value(j);
        char *end;

        if (json_string_length(j) == 0 || !strchr("-0123456789", *s))
            return -1;
        errno = 0;
        *out = *s == '-' ? (uint64_t)strtoll(s, &end, 10) : strtoull(s, &end, 10);
        if (*end == 0)
            return errno || (*s == '-' ? (int64_t)*out < min : *out > max) ? -1 : 0;
        if (strspn(s, "-+.eE0123456789") != strlen(s))
            return -1;
        real = strtod(s, &end);
        if (*end)
            return -1;
    } else if (json_is_real(j)) {
        real = json_real_value(j);
    } else {
        return -1;
    }
    if (!isfinite(real) || real != trunc(real) || real < (double)min || real > (double)max ||
        fabs(real) > 9007199254740992.)
        return -1;
    *out = real < 0 ? (uint64_t)(int64_t)real : (uint64_t)real;
    return 0;
}

static int get_double(json_t *j, double *out)
{
    static const struct {
        const char *name;
        double value;
    } special[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    const char *s;
    char *end;

    if (json_is_number(j)) {
        *out = json_number_value(j);
        return 0;
    }
    if (!json_is_string(j) || json_string_length(j) == 0)
        return -1;
    s = json_string_value(j);
    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        if (strcmp(s, special[i].name) == 0) {
            *out = special[i].value;
            return 0;
        }
    }
    if (strspn(s, "-+.eE0123456789") != strlen(s))
        return -1;
    *out = strtod(s, &end);
    return *end || !isfinite(*out) ? -1 : 0;
}

static int get_enum(struct decoder *c, const ProtobufCFieldDescriptor *f, json_t *j, int *out)
{
    uint64_t n;

    if (json_is_null(j) && struct_takes_null(f)) {
        *out = 0;
        return 0;
    }
    if (json_is_string(j)) {
        const ProtobufCEnumValue *v =
            protobuf_c_enum_descriptor_get_value_by_name(f->descriptor, json_string_value(j));

        if (!v)
            return bad(c, f, "no such enum value");
        *out = v->value;
        return 0;
    }
    if (get_integer(j, INT32_MIN, INT32_MAX, &n) < 0)
        return bad(c, f, "not an enum value");
    if (n != 0 && struct_takes_null(f)) /* it would become null, which is 0 */
        return bad(c, f, "no such enum value");
    *out = (int)(int64_t)n;
    return 0;
}

static int get_bytes(struct decoder *c, const ProtobufCFieldDescriptor *f, json_t *j,
                     ProtobufCBinaryData *out)
{
    struct bytes s;
    ptrdiff_t n;

    if (!json_is_string(j))
        return bad(c, f, "not a base64 string");
    s = json_lift_string(&c->lift, j);
    out->data = arena_alloc(c->a, s.len / 4 * 3 + 3);
    if (!out->data)
        return json_no_memory(c);
    n = base64_decode(s, out->data);
    if (n < 0)
        return bad(c, f, "not base64");
    out->len = (size_t)n;
    return 0;
}

static int get_value(struct decoder *c, const ProtobufCFieldDescriptor *f, json_t *j, void *p);

/* A lifted string as a JSON value again, for what cannot take it otherwise; NULL without memory. */
static json_t *put_back(const struct decoder *c, json_t *lifted)
{
    struct bytes s = json_lift_string(&c->lift, lifted);

    return json_stringn_nocheck(s.ptr, s.len);
}

/* The value of a field to which a long string is worth nothing special. */
static int get_from_lifted(struct decoder *c, const ProtobufCFieldDescriptor *f, json_t *j, void *p)
{
    json_t *whole = put_back(c, j);
    int ret;

    if (!whole)
        return json_no_memory(c);
    ret = get_value(c, f, whole, p);
    json_decref(whole);
    return ret;
}

/* One value of the field's type to p. */
static int get_value(struct decoder *c, const ProtobufCFieldDescriptor *f, json_t *j, void *p)
{
    uint64_t n;
    double real;

    if (json_lifted(&c->lift, j) && f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_BYTES)
        return get_from_lifted(c, f, j, p);
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        if (get_integer(j, INT32_MIN, INT32_MAX, &n) < 0)
            return bad(c, f, "not a 32-bit integer");
        *(int32_t *)p = (int32_t)(int64_t)n;
        return 0;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        if (get_integer(j, 0, UINT32_MAX, &n) < 0)
            return bad(c, f, "not an unsigned 32-bit integer");
        *(uint32_t *)p = (uint32_t)n;
        return 0;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        if (get_integer(j, INT64_MIN, INT64_MAX, &n) < 0)
            return bad(c, f, "not a 64-bit integer");
        *(int64_t *)p = (int64_t)n;
        return 0;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        if (get_integer(j, 0, UINT64_MAX, p) < 0)
            return bad(c, f, "not an unsigned 64-bit integer");
        return 0;
    case PROTOBUF_C_TYPE_FLOAT:
        if (get_double(j, &real) < 0 || (isfinite(real) && fabs(real) >= 3.4028235677973366e38))
            return bad(c, f, "not a float");
        *(float *)p = (float)real;
        return 0;
    case PROTOBUF_C_TYPE_DOUBLE:
        if (get_double(j, p) < 0)
            return bad(c, f, "not a double");
        return 0;
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(j))
            return bad(c, f, "not a boolean");
        *(protobuf_c_boolean *)p = json_is_true(j);
        return 0;
    case PROTOBUF_C_TYPE_ENUM:
        return get_enum(c, f, j, p);
    case PROTOBUF_C_TYPE_STRING:
        if (!json_is_string(j))
            return bad(c, f, "not a string");
        *(char **)p = arena_string(c->a, json_lift_string(&c->lift, j));
        return *(char **)p ? 0 : json_no_memory(c);
    case PROTOBUF_C_TYPE_BYTES:
        return get_bytes(c, f, j, p);
    case PROTOBUF_C_TYPE_MESSAGE:
        return json_get_message(c, f->descriptor, j, p);
    }
    return bad(c, f, "of an unknown type");
}

static ProtobufCMessage *new_message(struct decoder *c, const ProtobufCMessageDescriptor *d)
{
    ProtobufCMessage *m = arena_alloc(c->a, d->sizeof_message);

    if (m)
        protobuf_c_message_init(d, m);
    else
        json_no_memory(c);
    return m;
}

/* A map's key comes as a string; numbers are read from it, booleans are its words. */
static int get_key(struct decoder *c, const ProtobufCFieldDescriptor *f, const char *key, void *p)
{
    json_t *j;
    int ret;

    if (f->type == PROTOBUF_C_TYPE_BOOL) {
        if (strcmp(key, "true") != 0 && strcmp(key, "false") != 0)
            return bad(c, f, "not a boolean");
        *(protobuf_c_boolean *)p = *key == 't';
        return 0;
    }
    j = json_string(key);
    if (!j)
        return json_no_memory(c);
    ret = get_value(c, f, j, p);
    json_decref(j);
    return ret;
}

static int get_map(struct decoder *c, const ProtobufCFieldDescriptor *f, json_t *j, ProtobufCMessage *m)
{
    const ProtobufCMessageDescriptor *d = f->descriptor;
    size_t n = 0;
    ProtobufCMessage **entries;
    const char *key;
    json_t *value;

    if (!json_is_object(j))
        return bad(c, f, "not an object");
    entries = arena_array(c->a, json_object_size(j), sizeof(void *));
    if (!entries)
        return json_no_memory(c);
    json_object_foreach(j, key, value)
    {
        ProtobufCMessage *entry = new_message(c, d);

        if (c->depth > NESTING_MAX)
            return too_nested(c->e);
        if (!entry || get_key(c, &d->fields[0], key, &MEMBER(char, entry, d->fields[0].offset)) < 0)
            return -1;
        if (json_is_null(value) && !struct_takes_null(&d->fields[1]))
            return bad(c, f, "a value is null");
        c->depth++;
        if (get_value(c, &d->fields[1], value, &MEMBER(char, entry, d->fields[1].offset)) < 0)
            return -1;
        c->depth--;
        entries[n++] = entry;
    }
    MEMBER(ProtobufCMessage **, m, f->offset) = entries;
    MEMBER(size_t, m, f->quantifier_offset) = n;
    return 0;
}

static int get_list(struct decoder *c, const ProtobufCFieldDescriptor *f, json_t *j, ProtobufCMessage *m)
{
    size_t size = json_value_size(f->type);
    size_t n = json_array_size(j);
    char *list;

    if (!json_is_array(j))
        return bad(c, f, "not an array");
    if (n == 0)
        return 0;
    list = arena_array(c->a, n, size);
    if (!list)
        return json_no_memory(c);
    for (size_t i = 0; i < n; i++)
        if (get_value(c, f, json_array_get(j, i), list + i * size) < 0)
            return -1;
    MEMBER(char *, m, f->offset) = list;
    MEMBER(size_t, m, f->quantifier_offset) = n;
    return 0;
}

/* The field of that name, in its JSON form or as the proto has it. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *d, const char *name)
{
    char json_name[128];

    for (unsigned i = 0; i < d->n_fields; i++) {
        codec_json_name(d->fields[i].name, json_name);
        if (strcmp(name, json_name) == 0 || strcmp(name, d->fields[i].name) == 0)
            return &d->fields[i];
    }
    return NULL;
}

int json_get_field(struct decoder *c, const ProtobufCFieldDescriptor *f, json_t *j, ProtobufCMessage *m)
{
    if (json_is_null(j) && (f->label == PROTOBUF_C_LABEL_REPEATED || !struct_takes_null(f)))
        return 0;
    if (json_is_map(m->descriptor, f))
        return get_map(c, f, j, m);
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return get_list(c, f, j, m);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (MEMBER(uint32_t, m, f->quantifier_offset) != 0)
            return bad(c, f, "another member of its oneof is set already");
        MEMBER(uint32_t, m, f->quantifier_offset) = f->id;
    }
    return get_value(c, f, j, &MEMBER(char, m, f->offset));
}

int json_get_message(struct decoder *c, const ProtobufCMessageDescriptor *d, json_t *j,
                     ProtobufCMessage **out)
{
    const struct well_known *known = well_known_find(d);
    const char *where = c->where, *name;
    ProtobufCMessage *m;
    json_t *value;

    if (c->depth > NESTING_MAX)
        return too_nested(c->e);
    if (json_lifted(&c->lift, j)) { /* a whole text, or an Any's value */
        json_t *whole = put_back(c, j);
        int ret = whole ? json_get_message(c, d, whole, out) : json_no_memory(c);

        json_decref(whole);
        return ret;
    }
    m = *out = new_message(c, d);
    if (!m)
        return -1;
    c->where = d->name;
    c->depth++;
    if (known) {
        if (known->decode(c, j, m) < 0)
            return -1;
    } else {
        if (!json_is_object(j))
            return json_bad(c, m, "not an object");
        json_object_foreach(j, name, value)
        {
            const ProtobufCFieldDescriptor *f = find_field(d, name);

            if (f && json_get_field(c, f, value, m) < 0)
                return -1;
        }
    }
    c->depth--;
    c->where = where;
    return 0;
}

int json_get_packed(struct decoder *c, ProtobufCMessage *m, ProtobufCBinaryData *out)
{
    if (maps_settle(m, c->a) < 0)
        return json_no_memory(c);
    out->len = protobuf_c_message_get_packed_size(m);
    out->data = arena_alloc(c->a, out->len);
    if (!out->data)
        return json_no_memory(c);
    protobuf_c_message_pack(m, out->data);
    return 0;
}

/* Parses the text without its long strings, or as it came where that is no JSON. */
static json_t *parse_lifted(struct json_lift *lift, struct bytes in, size_t max, struct err *e)
{
    json_t *j;

    if (lift->count == 0)
        return parse(in, 0, max, e);
    j = parse(lift->text, JSON_ALLOW_NUL, max, e);
    if (j)
        return j;
    json_lift_clear(lift);
    return parse(in, 0, max, e);
}

ProtobufCMessage *json_decode(const ProtobufCMessageDescriptor *d, struct bytes in, size_t lift_from,
                              struct arena *a, struct err *e)
{
    struct decoder c = {.a = a, .e = e, .where = d->name};
    ProtobufCMessage *m = NULL;
    int ret = -1;
    json_t *j;

    secret = a->secret;
    json_lift(&c.lift, in, lift_from);
    j = parse_lifted(&c.lift, in, a->max, e);
    if (j && !json_is_object(j) && !well_known_find(d))
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "unmarshal: the JSON is not an object");
    else if (j)
        ret = json_get_message(&c, d, j, &m);
    json_decref(j);
    json_lift_clear(&c.lift);
    secret = false;
    return ret < 0 ? NULL : m;
}
