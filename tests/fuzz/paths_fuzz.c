#include "guest/paths.h"

#include "fuzz.h"

/* No part of a clean path is empty or ".", and ".." stands at the front of a relative one only. */
static void check_clean(const char *path)
{
    bool rooted = path[0] == '/', named = rooted;

    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return;
    for (const char *p = path + rooted;; p++) {
        size_t n = strcspn(p, "/");

        CHECK(n > 0 && !(n == 1 && p[0] == '.'));
        if (n == 2 && memcmp(p, "..", 2) == 0)
            CHECK(!named);
        else
            named = true;
        p += n;
        if (!*p)
            return;
    }
}

static void check_cleaning(const char *text)
{
    CLEANUP_FREE char *once = malloc(MAX(strlen(text), 1) + 1);
    CLEANUP_FREE char *twice = NULL;

    CHECK(once);
    strcpy(once, text);
    path_clean(once);
    check_clean(once);
    CHECK(strlen(once) <= MAX(strlen(text), 1) && (once[0] == '/') == (text[0] == '/'));
    twice = strdup(once);
    CHECK(twice);
    path_clean(twice);
    CHECK(strcmp(once, twice) == 0);
}

/* The first line is the path, the second the working directory. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *path = fuzz_text(data, size);
    char *workdir = strchr(path, '\n');
    CLEANUP_FREE char *resolved = NULL;
    const char *asked;
    struct err e;

    if (workdir)
        *workdir++ = 0;
    check_cleaning(path);
    resolved = path_resolve(path, "/home/u", workdir, &e);
    asked = *path || !workdir ? path : workdir;
    if (!resolved) {
        CHECK(e.status == STATUS_INVALID_ARGUMENT && asked[0] == '~' && asked[1] && asked[1] != '/');
        return 0;
    }
    CHECK(resolved[0] == '/');
    if (asked[0] == '/')
        CHECK(strcmp(resolved, asked) == 0);
    else
        check_clean(resolved);
    return 0;
}
