/* https://protobuf.dev/programming-guides/json/: messages whose JSON is not an object of their fields. Where that is
 * silent, Go's protojson is followed. */
#include <ctype.h>
#include <inttypes.h>

#include "core/clock.h"
#include "rpc/codec/json.h"

#define PACKAGE "google.protobuf."
#define SPACE   " \t\r\n"

/* --- times ----------------------------------------------------------------------------------- */

#define DURATION_MAX 315576000000LL /* seconds: ten thousand years */

/* Timestamp and Duration have the same two fields. */
static int64_t *seconds_of(const ProtobufCMessage *m)
{
    return &MEMBER(int64_t, m, m->descriptor->fields[0].offset);
}

static int32_t *nanos_of(const ProtobufCMessage *m)
{
    return &MEMBER(int32_t, m, m->descriptor->fields[1].offset);
}

static int timestamp_decode(struct decoder *c, json_t *j, ProtobufCMessage *m)
{
    if (!json_is_string(j) ||
        clock_parse_rfc3339(json_string_value(j), json_string_length(j), seconds_of(m), nanos_of(m)) < 0)
        return json_bad(c, m, "not an RFC 3339 time");
    return 0;
}

static void timestamp_encode(struct encoder *c, const ProtobufCMessage *m)
{
    int64_t seconds = *seconds_of(m);
    int32_t nanos = *nanos_of(m);
    char text[40];

    if (seconds < CLOCK_SECONDS_MIN || seconds > CLOCK_SECONDS_MAX || nanos < 0 || nanos > 999999999) {
        json_refuse(c, m, "out of range");
        return;
    }
    clock_rfc3339(seconds, nanos, text);
    writer_char(&c->w, '"');
    writer_str(&c->w, text);
    writer_char(&c->w, '"');
}

/* Reads digits, at most `max` of them, and returns how many there were. */
static int digits(const char **s, int max, int64_t *v)
{
    int n = 0;

    for (*v = 0; n < max && **s >= '0' && **s <= '9'; n++, (*s)++)
        *v = *v * 10 + (**s - '0');
    return n;
}

/* "1.5s": a sign, a whole number without leading zeros and up to 9 digits of a fraction, of which one may be missing. */
static bool parse_duration(const char *s, int64_t *seconds, int32_t *nanos)
{
    int sign = *s == '-' ? -1 : 1, whole, fraction = 0;
    int64_t part = 0;

    s += *s == '-' || *s == '+';
    whole = digits(&s, 12, seconds);
    if (whole > 1 && s[-whole] == '0')
        return false;
    if (*s == '.') {
        s++;
        fraction = digits(&s, 9, &part);
    }
    if (whole + fraction == 0 || strcmp(s, "s") != 0)
        return false;
    for (; fraction < 9; fraction++)
        part *= 10;
    *seconds *= sign;
    *nanos = (int32_t)part * sign;
    return *seconds >= -DURATION_MAX && *seconds <= DURATION_MAX;
}

static int duration_decode(struct decoder *c, json_t *j, ProtobufCMessage *m)
{
    if (!json_is_string(j) || !parse_duration(json_string_value(j), seconds_of(m), nanos_of(m)))
        return json_bad(c, m, "not a number of seconds with an \"s\"");
    return 0;
}

static void duration_encode(struct encoder *c, const ProtobufCMessage *m)
{
    int64_t seconds = *seconds_of(m);
    int32_t nanos = *nanos_of(m);
    char fraction[CLOCK_FRACTION];

    if (seconds < -DURATION_MAX || seconds > DURATION_MAX || nanos < -999999999 || nanos > 999999999 ||
        (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
        json_refuse(c, m, "out of range");
        return;
    }
    clock_fraction(nanos < 0 ? -nanos : nanos, fraction);
    writer_printf(&c->w, "\"%s%" PRId64 "%ss\"", seconds < 0 || nanos < 0 ? "-" : "",
                  seconds < 0 ? -seconds : seconds, fraction);
}

/* --- masks ----------------------------------------------------------------------------------- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Names with dots between them, of letters, digits and `more`, that do not start with a digit. */
static bool is_path(const char *s, size_t len, char more)
{
    bool start = true;

    for (size_t i = 0; i < len; i++) {
        bool digit = s[i] >= '0' && s[i] <= '9';

        if (s[i] == '.' ? start : !is_upper(s[i]) && !is_lower(s[i]) && s[i] != more && (!digit || start))
            return false;
        start = s[i] == '.';
    }
    return !start;
}

/* "fooBar.baz" as "foo_bar.baz", in the arena. */
static char *snake_case(struct arena *a, const char *s, size_t len)
{
    char *path = arena_alloc(a, 2 * len + 1), *to = path;

    for (size_t i = 0; path && i < len; i++) {
        if (is_upper(s[i]))
            *to++ = '_';
        *to++ = (char)tolower(s[i]); /* of ASCII: there is no locale */
    }
    if (path)
        *to = 0;
    return path;
}

static int mask_decode(struct decoder *c, json_t *j, ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f = &m->descriptor->fields[0];
    const char *s = json_string_value(j), *end;
    size_t n = 1;
    char **paths;

    if (!s)
        return json_bad(c, m, "not a string");
    end = s + json_string_length(j);
    s += strspn(s, SPACE);
    while (end > s && strchr(SPACE, end[-1]))
        end--;
    if (s == end)
        return 0;
    for (const char *p = s; p < end; p++)
        n += *p == ',';
    paths = arena_array(c->a, n, sizeof *paths);
    if (!paths)
        return json_no_memory(c);
    for (size_t i = 0; i < n; i++) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        size_t len = (size_t)((comma ? comma : end) - s);

        if (!is_path(s, len, 0))
            return json_bad(c, m, "not a list of paths in lowerCamelCase");
        paths[i] = snake_case(c->a, s, len);
        if (!paths[i])
            return json_no_memory(c);
        s += len + 1;
    }
    MEMBER(char **, m, f->offset) = paths;
    MEMBER(size_t, m, f->quantifier_offset) = n;
    return 0;
}

/* Whether the path can be read back: lowerCamelCase has no place for upper case, nor for an underscore without a letter
 * behind it. */
static bool is_reversible(const char *s)
{
    for (; *s; s++)
        if (is_upper(*s) || (*s == '_' && !is_lower(s[1])))
            return false;
    return true;
}

static void mask_encode(struct encoder *c, const ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f = &m->descriptor->fields[0];
    char *const *paths = MEMBER(char **, m, f->offset);
    size_t n = MEMBER(size_t, m, f->quantifier_offset);

    writer_char(&c->w, '"');
    for (size_t i = 0; i < n && !c->w.failed; i++) {
        const char *s = paths[i];

        if (!is_path(s, strlen(s), '_') || !is_reversible(s)) {
            json_refuse(c, m, "a path that has no lowerCamelCase");
            return;
        }
        if (i > 0)
            writer_char(&c->w, ',');
        for (; *s; s++) {
            bool up = *s == '_';

            s += up;
            writer_char(&c->w, (char)(up ? toupper(*s) : *s));
        }
    }
    writer_char(&c->w, '"');
}

/* --- what is one value, or nothing ----------------------------------------------------------- */

static int wrapper_decode(struct decoder *c, json_t *j, ProtobufCMessage *m)
{
    if (json_is_null(j)) /* the absence of the field that it would be in, which is none here */
        return json_bad(c, m, "is null");
    return json_get_field(c, &m->descriptor->fields[0], j, m);
}

static void wrapper_encode(struct encoder *c, const ProtobufCMessage *m)
{
    json_put_field(c, m, &m->descriptor->fields[0]);
}

static int empty_decode(struct decoder *c, json_t *j, ProtobufCMessage *m)
{
    return json_is_object(j) ? 0 : json_bad(c, m, "not an object");
}

static void empty_encode(struct encoder *c, const ProtobufCMessage *m)
{
    (void)m;
    writer_put(&c->w, "{}", 2);
}

static const struct well_known all[] = {
    {"Any", any_decode, any_encode},
    {"BoolValue", wrapper_decode, wrapper_encode},
    {"BytesValue", wrapper_decode, wrapper_encode},
    {"DoubleValue", wrapper_decode, wrapper_encode},
    {"Duration", duration_decode, duration_encode},
    {"Empty", empty_decode, empty_encode},
    {"FieldMask", mask_decode, mask_encode},
    {"FloatValue", wrapper_decode, wrapper_encode},
    {"Int32Value", wrapper_decode, wrapper_encode},
    {"Int64Value", wrapper_decode, wrapper_encode},
    {"ListValue", struct_decode_list, struct_encode_list},
    {"StringValue", wrapper_decode, wrapper_encode},
    {"Struct", struct_decode, struct_encode},
    {"Timestamp", timestamp_decode, timestamp_encode},
    {"UInt32Value", wrapper_decode, wrapper_encode},
    {"UInt64Value", wrapper_decode, wrapper_encode},
    {"Value", struct_decode_value, struct_encode_value},
};

const struct well_known *well_known_find(const ProtobufCMessageDescriptor *d)
{
    size_t prefix = sizeof PACKAGE - 1;

    if (strncmp(d->name, PACKAGE, prefix) != 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (strcmp(d->name + prefix, all[i].name) == 0)
            return &all[i];
    return NULL;
}
