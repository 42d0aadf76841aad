#include "core/writer.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base64.h"
#include "core/utf8.h"

void writer_init(struct writer *w, struct chain *out, struct seg_pool *pool, size_t limit)
{
    *w = (struct writer){.out = out, .pool = pool, .limit = limit};
}

/* Commits what was written and reserves at least `min` more bytes. */
static int reserve(struct writer *w, size_t min)
{
    size_t written = (size_t)(w->at - w->start);
    size_t room;

    if (w->start)
        chain_commit(w->out, written);
    w->limit -= written;
    w->start = w->at = w->end = NULL;
    if (w->failed)
        return -1;
    if (w->limit < min) {
        w->failed = w->too_long = true;
        return -1;
    }
    if (w->pool && w->out->bytes) {
        w->start = (char *)chain_reserve(w->out, w->pool, min, &room);
    } else { /* the heap: twice as much each time */
        size_t want = MAX(min, MIN(MIN(w->out->bytes, w->limit), (size_t)SEG_SIZE));

        w->start = (char *)chain_reserve(w->out, NULL, want, &room);
    }
    if (!w->start) {
        w->failed = true;
        return -1;
    }
    w->at = w->start;
    w->end = w->start + MIN(room, w->limit);
    return 0;
}

int writer_done(struct writer *w)
{
    if (w->start)
        chain_commit(w->out, (size_t)(w->at - w->start));
    w->start = w->at = w->end = NULL;
    return w->failed ? -1 : 0;
}

void writer_put_slow(struct writer *w, const char *s, size_t n)
{
    while (n > 0) {
        size_t part;

        if (w->at == w->end && reserve(w, 1) < 0)
            return;
        part = MIN(n, (size_t)(w->end - w->at));
        memcpy(w->at, s, part);
        w->at += part;
        s += part;
        n -= part;
    }
}

void writer_unsigned(struct writer *w, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;

    do
        digits[--n] = (char)('0' + v % 10);
    while (v /= 10);
    writer_put(w, digits + n, sizeof digits - n);
}

void writer_integer(struct writer *w, int64_t v)
{
    if (v < 0)
        writer_char(w, '-');
    writer_unsigned(w, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void writer_printf(struct writer *w, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        writer_put(w, text, MIN((size_t)n, sizeof text - 1));
}

/* Whether one of the eight bytes is less than n, which is at most 0x80; of others than ASCII too, perhaps. "Bit Twiddling Hacks",
 * Sean Eron Anderson. */
static bool has_less(uint64_t word, uint8_t n)
{
    return (word - ~0ULL / 255 * n) & ~word & 0x8080808080808080ULL;
}

/* How many bytes at the start are ASCII that stands for itself in JSON, in eights: most text is nothing else. */
static size_t plain(struct bytes s)
{
    size_t i = 0;
    uint64_t word;

    for (; i + sizeof word <= s.len; i += sizeof word) {
        memcpy(&word, s.ptr + i, sizeof word);
        if ((word & 0x8080808080808080ULL) || has_less(word, 0x20) || has_less(word ^ ~0ULL / 255 * '"', 1) ||
            has_less(word ^ ~0ULL / 255 * '\\', 1))
            break;
    }
    return i;
}

void writer_json_text(struct writer *w, struct bytes s)
{
    size_t i = 0;

    while (i < s.len) {
        size_t from = i, n;
        unsigned char c;

        i += plain((struct bytes){s.ptr + i, s.len - i});
        while (i < s.len && (c = (unsigned char)s.ptr[i]) >= 0x20 && c != '"' && c != '\\') {
            n = c < 0x80 ? 1 : utf8_char((struct bytes){s.ptr + i, s.len - i});
            if (n == 0)
                break;
            i += n;
        }
        writer_put(w, s.ptr + from, i - from);
        if (i == s.len)
            break;
        c = (unsigned char)s.ptr[i++];
        if (c == '"' || c == '\\')
            writer_printf(w, "\\%c", c);
        else if (c == '\n')
            writer_str(w, "\\n");
        else if (c == '\r')
            writer_str(w, "\\r");
        else if (c == '\t')
            writer_str(w, "\\t");
        else if (c < 0x20)
            writer_printf(w, "\\u%04x", c);
        else
            writer_str(w, "\xef\xbf\xbd");
    }
}

void writer_json_string(struct writer *w, struct bytes s)
{
    writer_char(w, '"');
    writer_json_text(w, s);
    writer_char(w, '"');
}

/* Whole groups go straight to the output; the one or two bytes that a range leaves over wait in `left`. */
void writer_base64(struct writer *w, const struct chain *data)
{
    uint8_t left[3];
    size_t n_left = 0;
    char four[4];

    CHAIN_FOREACH (it, data) {
        const uint8_t *p = it->data;
        size_t n = it->len;

        while (n_left > 0 && n > 0) {
            left[n_left++] = *p++;
            n--;
            if (n_left == 3) {
                base64_groups(left, 3, four);
                writer_put(w, four, 4);
                n_left = 0;
            }
        }
        while (n >= 3) {
            size_t room = (size_t)(w->end - w->at) / 4 * 3;
            size_t part = MIN(n - n % 3, room);

            if (part == 0) { /* the four characters cross into the next segment */
                base64_groups(p, 3, four);
                writer_put(w, four, 4);
                if (w->failed)
                    return;
                part = 3;
            } else {
                base64_groups(p, part, w->at);
                w->at += part / 3 * 4;
            }
            p += part;
            n -= part;
        }
        while (n > 0) {
            left[n_left++] = *p++;
            n--;
        }
    }
    if (n_left > 0) {
        base64_encode(left, n_left, four);
        writer_put(w, four, 4);
    }
}
