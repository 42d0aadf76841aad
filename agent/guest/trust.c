#include "guest/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>

#include "core/fd.h"
#include "core/limits.h"
#include "guest/fs/put.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* --- texts ----------------------------------------------------------------------------------- */

/* The whole file on the heap, NUL-terminated, empty where there is none; NULL with *e. */
static char *slurp(const char *path, size_t *len, struct err *e)
{
    char *text = malloc(TRUST_FILE_MAX + 2);
    ssize_t n = text ? fd_read_file(AT_FDCWD, path, text, TRUST_FILE_MAX + 2) : 0;

    *len = n > 0 ? (size_t)n : 0;
    if (!text)
        err_nomem(e, "read certificates");
    else if (n < 0 && errno != ENOENT)
        err_set(e, STATUS_INTERNAL, errno, "read %s", path);
    else if (*len > TRUST_FILE_MAX)
        err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%s is larger than %zu bytes", path, (size_t)TRUST_FILE_MAX);
    else
        return text;
    free(text);
    return NULL;
}

/* Takes every occurrence of `part` out of the text; returns its new length. */
static size_t cut(char *text, size_t len, const char *part, size_t n)
{
    char *at = text;

    while (n > 0 && (at = memmem(at, len - (size_t)(at - text), part, n))) {
        memmove(at, at + n, len - (size_t)(at - text) - n);
        len -= n;
    }
    return len;
}

/* --- installing ------------------------------------------------------------------------------ */

/* `pem` ends in a line's end, as the bundle does: without one its first line would join another's last. */
static int install(const char *bundle, const char *copy, const char *pem, size_t n, struct err *e)
{
    CLEANUP_FREE char *old = NULL, *text = NULL, *whole = NULL;
    size_t old_len, len, kept;

    if (!(old = slurp(copy, &old_len, e)) || !(text = slurp(bundle, &len, e)))
        return -1;
    if (old_len == n && memcmp(old, pem, n) == 0 && memmem(text, len, pem, n))
        return 0;
    kept = cut(text, cut(text, len, old, old_len), pem, n);
    whole = malloc(kept + 1 + n);
    if (!whole)
        return err_nomem(e, "install certificates");
    memcpy(whole, text, kept);
    if (kept > 0 && whole[kept - 1] != '\n')
        whole[kept++] = '\n';
    memcpy(whole + kept, pem, n);
    if (fs_put(bundle, whole, kept + n, 0644, e) < 0)
        return -1;
    return fs_put(copy, pem, n, 0644, e);
}

/* The text with one line's end behind it, on the heap; NULL with *e. */
static char *normalize(const char *pem, size_t *len, struct err *e)
{
    char *text;

    *len = strlen(pem);
    while (*len > 0 && pem[*len - 1] == '\n')
        --*len;
    if (!strstr(pem, BEGIN) || !strstr(pem, END)) {
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "caBundle holds no certificate in PEM");
        return NULL;
    }
    text = malloc(*len + 2);
    if (!text) {
        err_nomem(e, "install certificates");
        return NULL;
    }
    memcpy(text, pem, *len);
    text[(*len)++] = '\n';
    text[*len] = 0;
    return text;
}

int trust_install(const char *bundle, const char *copy, const char *pem, struct err *e)
{
    CLEANUP_FREE char *text = NULL;
    struct timespec until;
    size_t len;
    int ret;

    if (!(text = normalize(pem, &len, e)))
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += INIT_WORK_MS / 1000;
    if (pthread_mutex_clocklock(&turn, CLOCK_MONOTONIC, &until) != 0)
        return err_set(e, STATUS_UNAVAILABLE, 0, "another installation of certificates is under way");
    ret = install(bundle, copy, text, len, e);
    pthread_mutex_unlock(&turn);
    return ret;
}
