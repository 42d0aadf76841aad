#include "core/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/limits.h"
#include "core/utf8.h"

static const char *const names[] = {"debug", "info", "warn", "error", "off"};
static const char *const severities[] = {"DEBUG", "INFO", "WARN", "ERROR"};

static struct {
    enum log_level level;
    enum log_format format;
    bool quiet;
    char *ring; /* LOG_RING_BYTES; NULL: there was no memory */
    size_t head, used;
    uint64_t logged; /* bytes, since the start */
    uint64_t dropped;
    log_sink *sink;
    void *sink_arg;
} state = {.level = LOG_INFO};

struct line {
    char text[LOG_LINE_MAX];
    size_t len;
};

int log_level_from_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    return -1;
}

void log_init(enum log_level level, enum log_format format, bool quiet)
{
    state.level = level;
    state.format = format;
    state.quiet = quiet;
    if (!state.ring)
        state.ring = malloc(LOG_RING_BYTES);
}

bool log_enabled(enum log_level level)
{
    return level >= state.level;
}

static void PRINTF_LIKE(2, 3) put(struct line *l, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(l->text + l->len, sizeof l->text - l->len, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->len = MIN(l->len + (size_t)n, sizeof l->text - 1);
}

/* A value in quotes: control characters, quotes and bytes that are not UTF-8 cannot forge a line or a
 * field. */
static void put_quoted(struct line *l, const char *s)
{
    struct bytes rest = bytes_of(s);

    put(l, "\"");
    while (rest.len > 0 && l->len < sizeof l->text - 16) {
        size_t n = utf8_char(rest);

        if (n == 0) {
            put(l, "\xef\xbf\xbd");
            n = 1;
        } else if (*rest.ptr == '"' || *rest.ptr == '\\') {
            put(l, "\\%c", *rest.ptr);
        } else if ((unsigned char)*rest.ptr < 0x20 || *rest.ptr == 0x7f) {
            put(l, "\\u%04x", (unsigned char)*rest.ptr);
        } else {
            put(l, "%.*s", (int)n, rest.ptr);
        }
        rest.ptr += n;
        rest.len -= n;
    }
    put(l, "\"");
}

static bool plain(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f || *s == '"' || *s == '=' || *s == '\\')
            return false;
    return true;
}

static void format(struct line *l, enum log_level level, const char *event, const struct log_field *f,
                   size_t n)
{
    struct timespec now = clock_wall();
    char when[40];

    clock_rfc3339(now.tv_sec, (int32_t)(now.tv_nsec / 1000000 * 1000000), when);
    if (state.format == LOG_JSON) {
        put(l, "{\"timestamp\":\"%s\",\"severity\":\"%s\",\"event.name\":\"%s\"", when, severities[level],
            event);
        for (; n > 0; n--, f++) {
            put(l, ",\"%s\":", f->name);
            if (f->text)
                put_quoted(l, f->text);
            else
                put(l, "%" PRId64, f->number);
        }
        put(l, "}\n");
        return;
    }
    put(l, "%s %s %s", when, severities[level], event);
    for (; n > 0; n--, f++) {
        put(l, " %s=", f->name);
        if (!f->text)
            put(l, "%" PRId64, f->number);
        else if (plain(f->text))
            put(l, "%s", f->text);
        else
            put_quoted(l, f->text);
    }
    put(l, "\n");
}

/* stderr may be a pipe that nobody reads: poll says whether PIPE_BUF bytes fit, and a line is shorter than
 * that. */
static void to_stderr(const struct line *l)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t n = -1;

    if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT))
        n = RETRY_EINTR(write(STDERR_FILENO, l->text, l->len));
    if (n < 0)
        state.dropped++;
}

static void to_ring(const struct line *l)
{
    /* Whole lines leave until the new one fits. */
    while (state.used + l->len > LOG_RING_BYTES) {
        size_t start = (state.head + LOG_RING_BYTES - state.used) % LOG_RING_BYTES;
        size_t gone = 1;

        while (gone < state.used && state.ring[(start + gone - 1) % LOG_RING_BYTES] != '\n')
            gone++;
        state.used -= gone;
    }
    for (size_t i = 0; i < l->len; i++)
        state.ring[(state.head + i) % LOG_RING_BYTES] = l->text[i];
    state.head = (state.head + l->len) % LOG_RING_BYTES;
    state.used += l->len;
    state.logged += l->len;
}

/* Tells of the lines that stderr did not take. Returns false when it takes none yet. */
static bool tell_dropped(void)
{
    uint64_t dropped = state.dropped;
    struct line note = {.len = 0};

    if (dropped == 0)
        return true;
    state.dropped = 0;
    format(&note, LOG_WARN, "log.dropped", &LOG_INT("log.records", dropped), 1);
    to_stderr(&note);
    if (state.dropped)
        state.dropped = dropped;
    return state.dropped == 0;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    struct line l = {.len = 0};

    if (state.sink)
        state.sink(state.sink_arg, level, event, fields, n);
    format(&l, level, event, fields, n);
    l.text[l.len - 1] = '\n'; /* it is there, unless the line was cut */
    if (state.ring)
        to_ring(&l);
    if (state.quiet && level < LOG_WARN)
        return;
    if (tell_dropped())
        to_stderr(&l);
    else
        state.dropped++;
}

void log_set_sink(log_sink *sink, void *arg)
{
    state.sink = sink;
    state.sink_arg = arg;
}

uint64_t log_ring(struct bytes piece[2])
{
    size_t start = (state.head + LOG_RING_BYTES - state.used) % LOG_RING_BYTES;
    size_t first = MIN(state.used, LOG_RING_BYTES - start);

    piece[0] = (struct bytes){state.ring + start, first};
    piece[1] = (struct bytes){state.ring, state.used - first};
    if (!state.ring)
        piece[0] = piece[1] = (struct bytes){NULL, 0};
    return state.logged;
}
