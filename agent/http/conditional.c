#include "http/conditional.h"

#include <stdio.h>

#include "core/clock.h"

/* --- dates ----------------------------------------------------------------------------------- */

/* A form of a date: '0' is a digit, '_' one or a space, 'a' a letter, all else itself. */
struct date_form {
    const char *form;
    uint8_t day, month, year, year_digits, time; /* where they stand */
};

static const struct date_form imf = {"aaa, 00 aaa 0000 00:00:00 GMT", 5, 8, 12, 4, 17};
static const struct date_form ascii = {"aaa aaa _0 00:00:00 0000", 8, 4, 20, 4, 11};
static const struct date_form rfc850 = {
    ", 00-aaa-00 00:00:00 GMT", 2, 5, 9, 2, 12}; /* behind the day's long name */

static bool matches(const char *text, const char *form)
{
    for (; *form; form++, text++) {
        bool digit = *text >= '0' && *text <= '9';
        bool letter = (*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z');

        if (*form == '0'   ? !digit
            : *form == 'a' ? !letter
            : *form == '_' ? !digit && *text != ' '
                           : *text != *form)
            return false;
    }
    return *text == 0;
}

static int number(const char *digits, unsigned n)
{
    int value = 0;

    for (; n > 0; n--, digits++)
        value = value * 10 + (*digits == ' ' ? 0 : *digits - '0');
    return value;
}

/* 1 to 12, or 0. */
static int month_of(const char *name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++)
        if (memcmp(name, names + (ptrdiff_t)3 * i, 3) == 0)
            return i + 1;
    return 0;
}

/* The full year of one that ends in these two digits: not more than 50 years ahead (RFC 9110). */
static int full_year(int year, int64_t now)
{
    int this_year = clock_year(now);

    year += this_year / 100 * 100;
    return year > this_year + 50 ? year - 100 : year <= this_year - 50 ? year + 100 : year;
}

/* Which form the text has, and where that begins. */
static const struct date_form *form_of(const char **text)
{
    const char *comma = strchr(*text, ',');

    if (matches(*text, imf.form))
        return &imf;
    if (matches(*text, ascii.form))
        return &ascii;
    if (!comma || comma - *text < 6 || comma - *text > 9 ||
        !matches(comma, rfc850.form)) /* Monday, Wednesday */
        return NULL;
    *text = comma;
    return &rfc850;
}

int conditional_parse_date(struct bytes text, int64_t now, int64_t *seconds)
{
    const struct date_form *f;
    const char *at;
    char copy[40];
    int year, hour, minute, second;

    if (text.len >= sizeof copy || memchr(text.ptr, 0, text.len))
        return -1;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    at = copy;
    f = form_of(&at);
    if (!f)
        return -1;
    year = number(at + f->year, f->year_digits);
    if (f->year_digits == 2)
        year = full_year(year, now);
    hour = number(at + f->time, 2);
    minute = number(at + f->time + 3, 2);
    second = number(at + f->time + 6, 2);
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
        return -1;
    if (clock_day(year, month_of(at + f->month), number(at + f->day, 2), seconds) < 0)
        return -1;
    *seconds += hour * 3600 + minute * 60 + second;
    return 0;
}

/* --- entity tags ----------------------------------------------------------------------------- */

static void skip(struct bytes *s, size_t n)
{
    s->ptr += n;
    s->len -= n;
}

/* Takes one entity tag off the front: with its quotes, without W/. Returns false when there is none. */
static bool take_tag(struct bytes *rest, struct bytes *tag, bool *weak)
{
    const char *end;

    *weak = rest->len >= 2 && rest->ptr[0] == 'W' && rest->ptr[1] == '/';
    if (*weak)
        skip(rest, 2);
    if (rest->len < 2 || rest->ptr[0] != '"')
        return false;
    end = memchr(rest->ptr + 1, '"', rest->len - 1);
    if (!end)
        return false;
    *tag = (struct bytes){rest->ptr, (size_t)(end - rest->ptr) + 1};
    skip(rest, tag->len);
    return true;
}

bool conditional_list_has(struct bytes list, const char *etag, bool weak)
{
    for (;;) {
        struct bytes tag;
        bool tag_is_weak;

        while (list.len > 0 && (list.ptr[0] == ' ' || list.ptr[0] == '\t' || list.ptr[0] == ','))
            skip(&list, 1);
        if (list.len > 0 && list.ptr[0] == '*')
            return true;
        if (!take_tag(&list, &tag, &tag_is_weak))
            return false;
        if (etag && bytes_are(tag, etag) && (weak || !tag_is_weak))
            return true;
    }
}

/* Whether any field of that name has the tag. */
static bool any_has(const struct http_fields *request, const char *name, const char *etag, bool weak)
{
    for (uint32_t i = 0; i < request->count; i++)
        if (bytes_are(http_field_name(request, i), name) &&
            conditional_list_has(http_field_value(request, i), etag, weak))
            return true;
    return false;
}

/* --- the verdict ----------------------------------------------------------------------------- */

/* The date of the field, where it has one and the representation, too. */
static bool date_of(const struct http_fields *request, const char *name, const struct validators *v,
                    int64_t *date)
{
    struct bytes field = http_fields_get(request, name);

    return field.ptr && v->has_modified && conditional_parse_date(field, clock_wall().tv_sec, date) == 0;
}

enum conditional_result conditional_check(const struct http_fields *request, const struct validators *v)
{
    int64_t date;

    if (http_fields_get(request, "if-match").ptr) {
        if (!any_has(request, "if-match", v->etag, false))
            return CONDITIONAL_FAILED;
    } else if (date_of(request, "if-unmodified-since", v, &date) && v->modified > date) {
        return CONDITIONAL_FAILED;
    }
    if (http_fields_get(request, "if-none-match").ptr)
        return any_has(request, "if-none-match", v->etag, true) ? CONDITIONAL_NOT_MODIFIED : CONDITIONAL_SEND;
    if (date_of(request, "if-modified-since", v, &date) && v->modified <= date)
        return CONDITIONAL_NOT_MODIFIED;
    return CONDITIONAL_SEND;
}

bool conditional_range(const struct http_fields *request, const struct validators *v)
{
    struct bytes field = http_fields_get(request, "if-range"), tag;
    int64_t date;
    bool weak;

    if (!field.ptr)
        return true;
    if (take_tag(&field, &tag, &weak))
        return !weak && field.len == 0 && v->etag && bytes_are(tag, v->etag);
    return date_of(request, "if-range", v, &date) && v->modified == date;
}

/* --- the answer ------------------------------------------------------------------------------ */

bool conditional_asked(const struct http_fields *request)
{
    static const char *const names[] = {"range",         "if-range",          "if-match",
                                        "if-none-match", "if-modified-since", "if-unmodified-since"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (http_fields_get(request, names[i]).ptr)
            return true;
    return false;
}

void conditional_answer(struct http_exchange *x, const struct validators *v, bool packed)
{
    char date[CLOCK_HTTP_DATE], weak[CONDITIONAL_TAG + 2];

    if (!v->etag)
        return;
    clock_http_date(v->modified, date);
    snprintf(weak, sizeof weak, "W/%s", v->etag);
    http_add(x, "Last-Modified", date);
    http_add(x, "ETag", packed ? weak : v->etag);
    http_add(x, "Accept-Ranges", "bytes");
}
