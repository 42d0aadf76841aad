#include "guest/fs/glob.h"

#include "fuzz.h"

static bool matches(struct bytes pattern, struct bytes name, bool *bad)
{
    char *p = fuzz_copy(pattern.ptr, pattern.len), *n = fuzz_copy(name.ptr, name.len);
    bool fits = fs_glob_match((struct bytes){p, pattern.len}, (struct bytes){n, name.len}, bad);

    CHECK(!(fits && *bad));
    free(p);
    free(n);
    return fits;
}

/* Each character with a backslash before it is the name itself. */
static void check_quoted(struct bytes name)
{
    char *quoted = malloc(2 * name.len + 1);
    size_t n = 0;
    bool bad;

    CHECK(quoted);
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < 0x80)
            quoted[n++] = '\\';
        quoted[n++] = name.ptr[i];
    }
    CHECK(matches((struct bytes){quoted, n}, name, &bad));
    free(quoted);
}

/* A pattern and a name, with a NUL between them. What it matches, it matches with stars around it, too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    struct bytes pattern = {(const char *)data, nul ? (size_t)(nul - data) : size}, name = {"", 0};
    struct bytes wide = {NULL, pattern.len + 2};
    char *text;
    bool bad, bad_too, fits;

    if (size > 4096)
        return 0;
    if (nul)
        name = (struct bytes){(const char *)nul + 1, size - pattern.len - 1};
    fits = matches(pattern, name, &bad);
    text = malloc(wide.len);
    CHECK(text);
    text[0] = text[wide.len - 1] = '*';
    memcpy(text + 1, pattern.ptr, pattern.len);
    wide.ptr = text;
    if (pattern.len == 0 || pattern.ptr[pattern.len - 1] != '\\') {
        bool fits_too = matches(wide, name, &bad_too);

        CHECK(bad == bad_too || memchr(pattern.ptr, '[', pattern.len) ||
              memchr(pattern.ptr, '\\', pattern.len));
        if (fits && !bad_too && name.len > 0 && name.ptr[0] != '.')
            CHECK(fits_too);
    }
    free(text);
    check_quoted(name);
    return 0;
}
