#include "stacyvm/json.h"

#include "core/utf8.h"

enum state {
    VALUE,
    FIRST_ELEMENT, /* a value, or the end of the array */
    FIRST_KEY,     /* a name, or the end of the object */
    KEY,
    COLON,
    AFTER, /* a comma, or the end of what surrounds the value */
    STRING,
    ESCAPE,
    HEX,
    WORD,
    MINUS,
    ZERO,
    WHOLE,
    POINT,
    FRACTION,
    EXPONENT,
    EXPONENT_SIGN,
    EXPONENT_DIGITS,
    BROKEN,
};

enum { NOTHING = -1 }; /* no token yet: go on */

static int bad(struct json *j)
{
    j->state = BROKEN;
    return JSON_BAD;
}

static bool in_object(const struct json *j)
{
    unsigned level = j->depth - 1;

    return j->objects[level / 64] >> (level % 64) & 1;
}

static int open_level(struct json *j, bool object)
{
    unsigned level = j->depth;

    if (level == NESTING_MAX)
        return bad(j);
    j->objects[level / 64] &= ~((uint64_t)1 << (level % 64));
    j->objects[level / 64] |= (uint64_t)object << (level % 64);
    j->depth++;
    j->state = object ? FIRST_KEY : FIRST_ELEMENT;
    return object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
}

/* A value is complete. */
static void end_value(struct json *j)
{
    j->state = AFTER;
    j->done = j->depth == 0;
}

static int close_level(struct json *j, bool object)
{
    if (in_object(j) != object)
        return bad(j);
    j->depth--;
    end_value(j);
    return object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static int begin_string(struct json *j, bool is_key)
{
    j->is_key = is_key;
    j->state = STRING;
    return NOTHING;
}

static int begin_word(struct json *j, const char *rest, enum json_token token)
{
    j->word = rest;
    j->word_token = token;
    j->state = WORD;
    return NOTHING;
}

static int begin_value(struct json *j, char c)
{
    switch (c) {
    case '{':
        return open_level(j, true);
    case '[':
        return open_level(j, false);
    case '"':
        return begin_string(j, false);
    case 't':
        return begin_word(j, "rue", JSON_WORD_TRUE);
    case 'f':
        return begin_word(j, "alse", JSON_WORD_FALSE);
    case 'n':
        return begin_word(j, "ull", JSON_WORD_NULL);
    case '-':
        j->state = MINUS;
        return NOTHING;
    default:
        if (c < '0' || c > '9')
            return bad(j);
        j->state = c == '0' ? ZERO : WHOLE;
        return NOTHING;
    }
}

static int after_value(struct json *j, char c)
{
    if (j->done)
        return bad(j);
    if (c == ',') {
        j->state = in_object(j) ? KEY : VALUE;
        return NOTHING;
    }
    return c == '}' ? close_level(j, true) : c == ']' ? close_level(j, false) : bad(j);
}

/* What stands between strings, numbers and words. */
static int step_structure(struct json *j, char c)
{
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return NOTHING;
    switch ((enum state)j->state) {
    case FIRST_ELEMENT:
        return c == ']' ? close_level(j, false) : begin_value(j, c);
    case FIRST_KEY:
        if (c == '}')
            return close_level(j, true);
        return c == '"' ? begin_string(j, true) : bad(j);
    case KEY:
        return c == '"' ? begin_string(j, true) : bad(j);
    case COLON:
        j->state = VALUE;
        return c == ':' ? NOTHING : bad(j);
    case AFTER:
        return after_value(j, c);
    default:
        return begin_value(j, c);
    }
}

static int step_word(struct json *j, char c)
{
    if (c != *j->word)
        return bad(j);
    if (*++j->word)
        return NOTHING;
    end_value(j);
    return j->word_token;
}

/* --- numbers --------------------------------------------------------------------------------- */

/* The state that a character of a number leads to; BROKEN: it is none of it. */
static enum state number_state(enum state s, char c)
{
    bool digit = c >= '0' && c <= '9';

    switch (s) {
    case MINUS:
        return c == '0' ? ZERO : digit ? WHOLE : BROKEN;
    case ZERO:
    case WHOLE:
        if (digit)
            return s == WHOLE ? WHOLE : BROKEN;
        return c == '.' ? POINT : c == 'e' || c == 'E' ? EXPONENT : BROKEN;
    case POINT:
    case FRACTION:
        return digit ? FRACTION : s == FRACTION && (c == 'e' || c == 'E') ? EXPONENT : BROKEN;
    case EXPONENT:
        return digit ? EXPONENT_DIGITS : c == '+' || c == '-' ? EXPONENT_SIGN : BROKEN;
    default:
        return digit ? EXPONENT_DIGITS : BROKEN;
    }
}

/* *used: the character belongs to the number. */
static int step_number(struct json *j, char c, bool *used)
{
    enum state s = (enum state)j->state, next = number_state(s, c);

    if (next != BROKEN) {
        j->state = (unsigned char)next;
        return NOTHING;
    }
    if (s != ZERO && s != WHOLE && s != FRACTION && s != EXPONENT_DIGITS)
        return bad(j);
    *used = false;
    end_value(j);
    return JSON_NUMBER;
}

/* --- strings --------------------------------------------------------------------------------- */

/* An escape means the code point (0: nothing more than what waits). Half a surrogate pair is U+FFFD, as for Go's encoding/json. */
static int tell_escape(struct json *j, uint32_t code, struct bytes *text)
{
    size_t n = 0;

    if (j->high)
        n = utf8_put(0xfffd, j->escape);
    j->high = 0;
    if (code)
        n += utf8_put(code, j->escape + n);
    *text = (struct bytes){j->escape, n};
    return JSON_TEXT;
}

/* \u0000 is a character, too. */
static int tell_nul(struct json *j, struct bytes *text)
{
    size_t n = 0;

    if (j->high)
        n = utf8_put(0xfffd, j->escape);
    j->high = 0;
    j->escape[n] = 0;
    *text = (struct bytes){j->escape, n + 1};
    return JSON_TEXT;
}

static int step_escape(struct json *j, char c, struct bytes *text)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *at = c ? strchr(names, c) : NULL;

    if (c == 'u') {
        j->code = j->digits = 0;
        j->state = HEX;
        return NOTHING;
    }
    if (!at)
        return bad(j);
    j->state = STRING;
    return tell_escape(j, (unsigned char)means[at - names], text);
}

static int step_hex(struct json *j, char c, struct bytes *text)
{
    int digit = hex_digit(c);
    uint32_t code;

    if (digit < 0)
        return bad(j);
    code = j->code = j->code << 4 | (uint32_t)digit;
    if (++j->digits < 4)
        return NOTHING;
    j->state = STRING;
    if (code == 0)
        return tell_nul(j, text);
    if (code >= 0xdc00 && code <= 0xdfff && j->high) {
        code = 0x10000 + ((j->high - 0xd800) << 10) + (code - 0xdc00);
        j->high = 0;
        return tell_escape(j, code, text);
    }
    if (code >= 0xd800 && code <= 0xdbff) {
        int token = j->high ? tell_escape(j, 0, text) : NOTHING;

        j->high = code;
        return token;
    }
    return tell_escape(j, code >= 0xdc00 && code <= 0xdfff ? 0xfffd : code, text);
}

/* What is in a string up to the next character that means something; none of it may be a control character. */
static size_t plain_run(struct bytes in)
{
    size_t n = 0;

    while (n < in.len && in.ptr[n] != '"' && in.ptr[n] != '\\' && (unsigned char)in.ptr[n] >= 0x20)
        n++;
    return n;
}

/* In a string, outside of an escape. */
static int step_string(struct json *j, struct bytes *in, struct bytes *text)
{
    size_t n = plain_run(*in);

    if (j->high && *in->ptr != '\\') /* its other half cannot come any more */
        return tell_escape(j, 0, text);
    if (n > 0) {
        *text = (struct bytes){in->ptr, n};
        in->ptr += n;
        in->len -= n;
        return JSON_TEXT;
    }
    switch (*in->ptr) {
    case '\\':
        j->state = ESCAPE;
        break;
    case '"':
        if (j->is_key)
            j->state = COLON;
        else
            end_value(j);
        break;
    default:
        return bad(j);
    }
    in->len--;
    return *in->ptr++ == '"' ? JSON_TEXT_END : NOTHING;
}

/* --- all ------------------------------------------------------------------------------------- */

static int step(struct json *j, struct bytes *in, struct bytes *text)
{
    bool used = true;
    char c = *in->ptr;
    int token;

    switch ((enum state)j->state) {
    case STRING:
        return step_string(j, in, text);
    case ESCAPE:
        token = step_escape(j, c, text);
        break;
    case HEX:
        token = step_hex(j, c, text);
        break;
    case WORD:
        token = step_word(j, c);
        break;
    case VALUE:
    case FIRST_ELEMENT:
    case FIRST_KEY:
    case KEY:
    case COLON:
    case AFTER:
        token = step_structure(j, c);
        break;
    case BROKEN:
        return JSON_BAD;
    default:
        token = step_number(j, c, &used);
    }
    in->ptr += used;
    in->len -= used;
    return token;
}

enum json_token json_next(struct json *j, struct bytes *in, struct bytes *text)
{
    int token = NOTHING;

    while (token == NOTHING && in->len > 0)
        token = step(j, in, text);
    return token == NOTHING ? j->state == BROKEN ? JSON_BAD : JSON_MORE : (enum json_token)token;
}
