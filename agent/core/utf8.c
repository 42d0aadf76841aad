#include "core/utf8.h"

size_t utf8_char(struct bytes s)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    uint8_t low = 0x80, high = 0xbf; /* range of the second byte, RFC 3629 section 4 */
    size_t n;

    if (s.len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (s.len < n)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* Whether the bytes could be a character with others behind them: of those 0x80 to 0xbf at least one of these three fits any lead
 * byte. */
static bool begins_char(const char *s, size_t n)
{
    static const char fill[] = {'\x80', '\x9f', '\xbf'};
    char whole[4];

    for (size_t i = 0; i < sizeof fill; i++) {
        memset(whole, fill[i], sizeof whole);
        memcpy(whole, s, n);
        if (utf8_char((struct bytes){whole, sizeof whole}) > n)
            return true;
    }
    return false;
}

size_t utf8_tail(struct bytes s)
{
    for (size_t n = MIN(s.len, (size_t)3); n > 0; n--)
        if (begins_char(s.ptr + s.len - n, n))
            return n;
    return 0;
}

bool utf8_valid(struct bytes s)
{
    size_t i = 0;

    while (i < s.len) {
        uint64_t word;
        size_t n;

        /* Eight ASCII characters at a step: most text is nothing else. */
        while (i + sizeof word <= s.len) {
            memcpy(&word, s.ptr + i, sizeof word);
            if (word & 0x8080808080808080ULL)
                break;
            i += sizeof word;
        }
        if (i == s.len)
            break;
        n = utf8_char((struct bytes){s.ptr + i, s.len - i});
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

size_t utf8_put(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | (code >> 6));
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | (code >> 12));
        out[1] = (char)(0x80 | ((code >> 6) & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (code >> 18));
    out[1] = (char)(0x80 | ((code >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((code >> 6) & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
