#include "guest/git/progress.h"

#include "core/limits.h"

/* A number at the front of *text, which moves behind it. */
static bool number(struct bytes *text, uint64_t *out)
{
    size_t n = 0;

    for (*out = 0; n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9' && n < 18; n++)
        *out = *out * 10 + (uint64_t)(text->ptr[n] - '0');
    text->ptr += n;
    text->len -= n;
    return n > 0;
}

static bool word(struct bytes *text, const char *w)
{
    size_t n = strlen(w);

    if (text->len < n || memcmp(text->ptr, w, n) != 0)
        return false;
    text->ptr += n;
    text->len -= n;
    return true;
}

/* "1.20 MiB" or "12 bytes", and "600.00 KiB/s". */
static bool size(struct bytes *text, uint64_t *out)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{" GiB", 30}, {" MiB", 20}, {" KiB", 10}, {" bytes", 0}, {" byte", 0}};
    uint64_t whole, part = 0, scale = 1;

    if (!number(text, &whole))
        return false;
    if (word(text, ".")) {
        size_t before = text->len;

        if (!number(text, &part) || before - text->len > 3)
            return false;
        for (; before > text->len; before--)
            scale *= 10;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (word(text, units[i].name)) {
            if (whole >> (60 - units[i].shift))
                return false;
            *out = (whole << units[i].shift) + (part << units[i].shift) / scale;
            return true;
        }
    }
    return false;
}

/* "phase: NN% (done/total)" or "phase: done", each perhaps with sizes and ", done." behind it. */
static bool parse(struct bytes text, struct git_progress_line *line)
{
    const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
    uint64_t first;

    if (!colon)
        return false;
    line->phase = (struct bytes){text.ptr, (size_t)(colon - text.ptr)};
    text.len -= line->phase.len + 1;
    text.ptr = colon + 1;
    text = bytes_trim(text);
    if (line->phase.len == 0 || !number(&text, &first))
        return false;
    if (word(&text, "% (")) {
        if (!number(&text, &line->done) || !word(&text, "/") || !number(&text, &line->total) ||
            !word(&text, ")"))
            return false;
    } else {
        line->done = first;
    }
    if (text.len > 0 && *text.ptr != ',')
        return false;
    if (word(&text, ", ") && size(&text, &line->bytes) && word(&text, " | "))
        (void)!size(&text, &line->bytes_per_second);
    return true;
}

static void tell(struct git_progress *p)
{
    struct bytes text = bytes_trim((struct bytes){p->text, p->len});
    struct git_progress_line line = {0};
    bool remote = word(&text, "remote: ");

    p->len = 0;
    text = bytes_trim(text);
    if (!parse(text, &line)) {
        line = (struct git_progress_line){0};
        if (!remote || text.len == 0)
            return;
        line.remote = text;
    }
    p->line(p, &line);
}

void git_progress_feed(struct git_progress *p, struct bytes data)
{
    for (size_t i = 0; i < data.len; i++) {
        if (data.ptr[i] == '\r' || data.ptr[i] == '\n')
            tell(p);
        else if (p->len < sizeof p->text)
            p->text[p->len++] = data.ptr[i];
    }
}
