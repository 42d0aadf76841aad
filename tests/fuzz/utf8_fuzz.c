#include "core/utf8.h"

#include "fuzz.h"

/* RFC 3629 once more, from code points instead of byte ranges: the length of the character at p, 0 if none. */
static size_t character(const uint8_t *p, size_t n, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;

    if (p[0] >= 0x80 && ((p[0] & 0xc0) == 0x80 || p[0] >= 0xf8 || n < len))
        return 0;
    *code = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3f);
    }
    return *code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff) ? 0 : len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size);
    bool valid = true;
    size_t n;

    for (size_t i = 0; i < size; i += n) {
        uint32_t code = 0;
        char back[4];

        n = character(data + i, size - i, &code);
        CHECK(utf8_char((struct bytes){copy + i, size - i}) == n);
        if (n == 0) {
            valid = false;
            break;
        }
        CHECK(utf8_put(code, back) == n && memcmp(back, data + i, n) == 0);
    }
    CHECK(utf8_valid((struct bytes){copy, size}) == valid);
    return 0;
}
