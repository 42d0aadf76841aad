#include "http/multipart.h"

#include <errno.h>

#include "http/media.h"

int multipart_init(struct multipart *m, struct bytes content_type, struct err *e)
{
    size_t len;
    CLEANUP_FREE char *boundary = NULL;

    errno = 0;
    boundary = media_parameter(content_type, "boundary", &len);
    *m = (struct multipart){
        .state = MULTIPART_SEARCH, .matched = 2, .unreal = 2}; /* a body begins as a line does */
    if (!boundary && errno == ENOMEM)
        return err_nomem(e, "parse the multipart form");
    if (!boundary || len == 0 || len > MULTIPART_BOUNDARY_MAX || memchr(boundary, '\r', len) ||
        memchr(boundary, '\n', len))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                       "error parsing multipart form: no multipart boundary param in Content-Type");
    m->delimiter = malloc(4 + len);
    m->header = malloc(MULTIPART_HEADER_MAX);
    if (!m->delimiter || !m->header) {
        multipart_clear(m);
        return err_nomem(e, "parse the multipart form");
    }
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary, len);
    m->delimiter_len = 4 + len;
    return 0;
}

void multipart_clear(struct multipart *m)
{
    free(TAKE(m->delimiter));
    free(TAKE(m->header));
    free(TAKE(m->name));
    free(TAKE(m->filename));
}

static void skip(struct bytes *in, size_t n)
{
    in->ptr += n;
    in->len -= n;
}

static enum multipart_event fail(struct err *e, const char *why)
{
    err_set(e, STATUS_INVALID_ARGUMENT, 0, "error reading form: %s", why);
    return MULTIPART_FAIL;
}

/* --- contents -------------------------------------------------------------------------------- */

/* The whole delimiter was found. */
static enum multipart_event delimited(struct multipart *m)
{
    m->matched = m->unreal = 0;
    m->line_len = 0;
    m->state = MULTIPART_DELIMITED;
    if (!m->in_part)
        return MULTIPART_MORE;
    m->in_part = false;
    return MULTIPART_END;
}

/* Goes on with a delimiter of which `matched` bytes were the last ones of what came before. When it was none after all they are
 * contents, and the delimiter's own memory has them. It holds one '\r', its first byte, so that no other match can begin in them. */
static enum multipart_event go_on(struct multipart *m, struct bytes *in, struct bytes *data)
{
    size_t n = MIN(in->len, m->delimiter_len - m->matched), same = 0, had = m->matched;

    while (same < n && in->ptr[same] == m->delimiter[had + same])
        same++;
    if (same < n) {
        *data = (struct bytes){m->delimiter + m->unreal, had - m->unreal};
        m->matched = m->unreal = 0;
        return data->len ? MULTIPART_DATA : MULTIPART_MORE; /* what of it came just now is found again */
    }
    skip(in, n);
    m->matched += n;
    return m->matched == m->delimiter_len ? delimited(m) : MULTIPART_MORE;
}

/* How many bytes at the end of s are the delimiter's first ones. */
static size_t tail(const struct multipart *m, struct bytes s)
{
    size_t most = MIN(s.len, m->delimiter_len - 1);
    const char *at = most ? memrchr(s.ptr + s.len - most, '\r', most) : NULL;
    size_t n = at ? (size_t)(s.ptr + s.len - at) : 0;

    return n && memcmp(at, m->delimiter, n) == 0 ? n : 0;
}

static enum multipart_event search(struct multipart *m, struct bytes *in, struct bytes *data)
{
    const char *at;

    if (m->matched)
        return go_on(m, in, data);
    at = memmem(in->ptr, in->len, m->delimiter, m->delimiter_len);
    if (at == in->ptr) {
        skip(in, m->delimiter_len);
        return delimited(m);
    }
    if (!at) {
        m->matched = tail(m, *in);
        at = in->ptr + in->len - m->matched;
    }
    *data = (struct bytes){in->ptr, (size_t)(at - in->ptr)};
    skip(in, data->len + m->matched);
    return data->len ? MULTIPART_DATA : MULTIPART_MORE;
}

/* --- between --------------------------------------------------------------------------------- */

/* The rest of the delimiter's line: "--" behind the last part; else white space, which relays may have put there. */
static enum multipart_event line_end(struct multipart *m, struct bytes *in, struct err *e)
{
    while (in->len > 0) {
        char c = in->ptr[0];

        skip(in, 1);
        if (m->line_len == 0 && (c == ' ' || c == '\t'))
            continue;
        m->line[m->line_len++] = c;
        if (m->line_len < 2)
            continue;
        if (memcmp(m->line, "--", 2) == 0) {
            m->state = MULTIPART_DONE;
            return MULTIPART_MORE;
        }
        if (memcmp(m->line, "\r\n", 2) != 0)
            return fail(e, "expecting a new part or the end");
        m->header_len = 0;
        m->state = MULTIPART_HEADER;
        return MULTIPART_MORE;
    }
    return MULTIPART_MORE;
}

/* The value of the header's field with that name (lower case); ptr is NULL without one. */
static struct bytes field(const struct multipart *m, const char *name)
{
    size_t len = strlen(name);
    struct bytes rest = {m->header, m->header_len};

    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\r', rest.len);
        size_t n = end ? (size_t)(end - rest.ptr) : rest.len;

        if (n > len && rest.ptr[len] == ':' && strncasecmp(rest.ptr, name, len) == 0)
            return (struct bytes){rest.ptr + len + 1, n - len - 1};
        skip(&rest, MIN(n + 2, rest.len));
    }
    return (struct bytes){NULL, 0};
}

static enum multipart_event begin_part(struct multipart *m, struct err *e)
{
    struct bytes disposition = field(m, "content-disposition");
    size_t len;

    free(m->name);
    free(m->filename);
    errno = 0;
    m->name = media_parameter(disposition, "name", &len);
    m->filename = media_parameter(disposition, "filename", &m->filename_len);
    if (errno == ENOMEM) {
        err_nomem(e, "parse the multipart form");
        return MULTIPART_FAIL;
    }
    m->in_part = true;
    m->state = MULTIPART_SEARCH;
    m->matched = m->unreal =
        2; /* where there are no contents, the header's end may be the delimiter's first line end */
    return MULTIPART_PART;
}

/* Whether the header is complete: an empty line ends it, and may be its first. */
static bool header_complete(const struct multipart *m)
{
    size_t n = m->header_len;

    return (n == 2 && memcmp(m->header, "\r\n", 2) == 0) ||
           (n >= 4 && memcmp(m->header + n - 4, "\r\n\r\n", 4) == 0);
}

static enum multipart_event header(struct multipart *m, struct bytes *in, struct err *e)
{
    while (in->len > 0) {
        if (m->header_len == MULTIPART_HEADER_MAX) {
            err_set(e, STATUS_OUT_OF_RANGE, 0,
                    "error reading form: the header of a part is larger than %u bytes", MULTIPART_HEADER_MAX);
            return MULTIPART_FAIL;
        }
        m->header[m->header_len++] = in->ptr[0];
        skip(in, 1);
        if (header_complete(m))
            return begin_part(m, e);
    }
    return MULTIPART_MORE;
}

static enum multipart_event step(struct multipart *m, struct bytes *in, struct bytes *data, struct err *e)
{
    enum multipart_event event;

    switch (m->state) {
    case MULTIPART_SEARCH:
        event = search(m, in, data);
        return event == MULTIPART_DATA && !m->in_part ? MULTIPART_MORE : event; /* before the first part */
    case MULTIPART_DELIMITED:
        return line_end(m, in, e);
    case MULTIPART_HEADER:
        return header(m, in, e);
    case MULTIPART_DONE:
        break;
    }
    skip(in, in->len);
    return MULTIPART_MORE;
}

enum multipart_event multipart_next(struct multipart *m, struct bytes *in, struct bytes *data, struct err *e)
{
    enum multipart_event event = MULTIPART_MORE;

    while (in->len > 0 && event == MULTIPART_MORE)
        event = step(m, in, data, e);
    return event;
}
