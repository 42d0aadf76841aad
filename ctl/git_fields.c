#include "ctl/git_fields.h"

#include "guest/v1/git.pb-c.h"

/* --- fields ---------------------------------------------------------------------------------- */

/* The field of that name, in which '-' stands for '_'; NULL: there is none. */
static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *d, const char *name)
{
    for (unsigned i = 0; i < d->n_fields; i++) {
        const char *p = d->fields[i].name, *q = name;

        while (*p && (*p == *q || (*p == '_' && *q == '-'))) {
            p++;
            q++;
        }
        if (!*p && !*q)
            return &d->fields[i];
    }
    return NULL;
}

static void *at(ProtobufCMessage *m, unsigned offset)
{
    return (char *)m + offset;
}

ProtobufCMessage *git_fields_new(struct arena *a, const ProtobufCMessageDescriptor *d, struct err *e)
{
    ProtobufCMessage *m = arena_array(a, 1, d->sizeof_message);

    if (m)
        protobuf_c_message_init(d, m);
    else
        err_nomem(e, "make a request");
    return m;
}

bool git_fields_is_list(const ProtobufCMessage *m, const char *name)
{
    const ProtobufCFieldDescriptor *f = field_of(m->descriptor, name);

    if (!f && field_of(m->descriptor, "target"))
        return strcmp(name, "paths") == 0; /* a DiffTarget's */
    return f && f->label == PROTOBUF_C_LABEL_REPEATED;
}

char **git_fields_string(ProtobufCMessage *m, const char *name)
{
    const ProtobufCFieldDescriptor *f = field_of(m->descriptor, name);

    return f && f->type == PROTOBUF_C_TYPE_STRING && f->label != PROTOBUF_C_LABEL_REPEATED ? at(m, f->offset)
                                                                                           : NULL;
}

void *git_fields_message(struct arena *a, ProtobufCMessage *m, const char *name, struct err *e)
{
    const ProtobufCFieldDescriptor *f = field_of(m->descriptor, name);
    ProtobufCMessage **place = f && f->type == PROTOBUF_C_TYPE_MESSAGE ? at(m, f->offset) : NULL;

    if (!place) {
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "%s has no %s", m->descriptor->short_name, name);
        return NULL;
    }
    if (!*place)
        *place = git_fields_new(a, f->descriptor, e);
    return *place;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Whether the name of an enum's value is the word, in upper case and with '_' for '-', behind `skip` letters. */
static bool is_word(const char *name, size_t skip, const char *word)
{
    if (strlen(name) <= skip)
        return false;
    for (name += skip; *name && *word; name++, word++)
        if (*name != (*word == '-' ? '_' : *word >= 'a' && *word <= 'z' ? *word - 'a' + 'A' : *word))
            return false;
    return !*name && !*word;
}

static int set_enum(const ProtobufCEnumDescriptor *d, void *value, const char *name, const char *word,
                    struct err *e)
{
    size_t skip = strlen(d->values[0].name) - strlen("UNSPECIFIED");

    for (unsigned i = 1; i < d->n_values; i++) {
        if (is_word(d->values[i].name, skip, word)) {
            *(int *)value = d->values[i].value;
            return 0;
        }
    }
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "--%s: '%s' is none of its words", name, word);
}

static int set_number(void *value, const char *name, const char *text, struct err *e)
{
    uint64_t n = 0;
    const char *p = text;

    for (; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    if (p == text || *p || n > UINT32_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "--%s: '%s' is not a number", name, text);
    *(uint32_t *)value = (uint32_t)n;
    return 0;
}

/* "NAME <EMAIL>" */
static int set_identity(struct arena *a, Guest__V1__Identity *m, const char *text, struct err *e)
{
    size_t len = strlen(text);
    const char *open = strrchr(text, '<');

    if (!open || open == text || open[-1] != ' ' || text[len - 1] != '>')
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is not of the form NAME <EMAIL>", text);
    m->name = arena_string(a, (struct bytes){text, (size_t)(open - text) - 1});
    m->email = arena_string(a, (struct bytes){open + 1, (size_t)(text + len - 1 - open) - 1});
    return m->name && m->email ? 0 : err_nomem(e, "make a request");
}

static int set_value(struct arena *a, const ProtobufCFieldDescriptor *f, void *value, const char *name,
                     const char *text, struct err *e)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)value = true;
        return 0;
    case PROTOBUF_C_TYPE_STRING:
        *(const char **)value = text;
        return 0;
    case PROTOBUF_C_TYPE_BYTES:
        *(ProtobufCBinaryData *)value = (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
        return 0;
    case PROTOBUF_C_TYPE_UINT32:
        return set_number(value, name, text, e);
    case PROTOBUF_C_TYPE_ENUM:
        return set_enum(f->descriptor, value, name, text, e);
    default:
        *(ProtobufCMessage **)value = git_fields_new(a, f->descriptor, e);
        return *(void **)value ? set_identity(a, *(Guest__V1__Identity **)value, text, e) : -1;
    }
}

/* Room for one element more behind those of a list: it moves, as rarely as doubling makes it. */
static void *append(struct arena *a, const ProtobufCFieldDescriptor *f, ProtobufCMessage *m, struct err *e)
{
    size_t size = f->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(char *);
    size_t *count = at(m, f->quantifier_offset), n = *count;
    char **list = at(m, f->offset);

    if ((n & (n - 1)) == 0) { /* full: its room is a power of two */
        char *more = arena_array(a, n ? 2 * n : 1, size);

        if (!more) {
            err_nomem(e, "make a request");
            return NULL;
        }
        if (n > 0)
            memcpy(more, *list, n * size);
        *list = more;
    }
    ++*count;
    return *list + n * size;
}

int git_fields_set(struct arena *a, ProtobufCMessage *m, const char *name, const char *text, struct err *e)
{
    const ProtobufCFieldDescriptor *f = field_of(m->descriptor, name);
    void *value;

    if (!f) {
        m = git_fields_message(a, m, "target", e);
        f = m ? field_of(m->descriptor, name) : NULL;
        if (!f)
            return err_set(e, STATUS_INTERNAL, 0, "no request has a field '%s'", name);
    }
    value = f->label == PROTOBUF_C_LABEL_REPEATED ? append(a, f, m, e) : at(m, f->offset);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) /* an optional field: it is there */
        *(uint32_t *)at(m, f->quantifier_offset) = f->id;
    return value ? set_value(a, f, value, name, text, e) : -1;
}
