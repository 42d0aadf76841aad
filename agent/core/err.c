#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/utf8.h"

static const char *const status_names[] = {
    [STATUS_OK] = "ok",
    [STATUS_CANCELED] = "canceled",
    [STATUS_UNKNOWN] = "unknown",
    [STATUS_INVALID_ARGUMENT] = "invalid_argument",
    [STATUS_DEADLINE_EXCEEDED] = "deadline_exceeded",
    [STATUS_NOT_FOUND] = "not_found",
    [STATUS_ALREADY_EXISTS] = "already_exists",
    [STATUS_PERMISSION_DENIED] = "permission_denied",
    [STATUS_RESOURCE_EXHAUSTED] = "resource_exhausted",
    [STATUS_FAILED_PRECONDITION] = "failed_precondition",
    [STATUS_ABORTED] = "aborted",
    [STATUS_OUT_OF_RANGE] = "out_of_range",
    [STATUS_UNIMPLEMENTED] = "unimplemented",
    [STATUS_INTERNAL] = "internal",
    [STATUS_UNAVAILABLE] = "unavailable",
    [STATUS_DATA_LOSS] = "data_loss",
    [STATUS_UNAUTHENTICATED] = "unauthenticated",
};

const char *status_name(enum status status)
{
    return (size_t)status < ARRAY_LEN(status_names) ? status_names[status] : "unknown";
}

enum status status_from_name(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(status_names); i++)
        if (bytes_are(name, status_names[i]))
            return (enum status)i;
    return STATUS_UNKNOWN;
}

/* strerrordesc_np is strerror without a locale; only its first letter differs from what Go and musl say,
 * whose texts clients have learned. */
const char *errno_text(int errnum)
{
    static __thread char text[64];
    const char *desc = strerrordesc_np(errnum);

    if (!desc) {
        snprintf(text, sizeof text, "errno %d", errnum);
        return text;
    }
    snprintf(text, sizeof text, "%s", desc);
    if (text[0] >= 'A' && text[0] <= 'Z' && !(text[1] >= 'A' && text[1] <= 'Z'))
        text[0] = (char)(text[0] - 'A' + 'a');
    return text;
}

/* Makes the text fit for every wire: valid UTF-8, and marked when it was cut (`wanted` is its full
 * length). */
static void tidy(struct err *e, size_t wanted)
{
    size_t len = strlen(e->text);

    if (wanted > len) {
        len = MIN(len, ERR_TEXT_MAX - sizeof "...");
        while (len > 0 && ((unsigned char)e->text[len] & 0xc0) == 0x80)
            len--; /* not inside a character */
        memcpy(e->text + len, "...", sizeof "...");
    }
    for (size_t i = 0; i < len;) {
        size_t n = utf8_char((struct bytes){e->text + i, len - i});

        if (n == 0) {
            e->text[i] = '?';
            n = 1;
        }
        i += n;
    }
}

int err_set(struct err *e, enum status status, int errnum, const char *fmt, ...)
{
    va_list ap;
    int n;
    size_t wanted;

    if (!e)
        return -1;
    e->status = status;
    e->errnum = errnum;
    va_start(ap, fmt);
    n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    wanted = n > 0 ? (size_t)n : 0;
    if (errnum && wanted < sizeof e->text) {
        n = snprintf(e->text + wanted, sizeof e->text - wanted, ": %s", errno_text(errnum));
        wanted += n > 0 ? (size_t)n : 0;
    }
    tidy(e, wanted);
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char front[ERR_TEXT_MAX];
    char whole[ERR_TEXT_MAX];
    va_list ap;
    int n;

    if (!e)
        return -1;
    va_start(ap, fmt);
    vsnprintf(front, sizeof front, fmt, ap);
    va_end(ap);
    n = snprintf(whole, sizeof whole, "%.*s: %s", ERR_TEXT_MAX / 2, front, e->text);
    memcpy(e->text, whole, sizeof whole);
    tidy(e, n > 0 ? (size_t)n : 0);
    return -1;
}

int err_nomem(struct err *e, const char *what)
{
    return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%s: out of memory", what);
}
