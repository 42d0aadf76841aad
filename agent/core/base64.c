#include "core/base64.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Two output characters for each 12 bits: half the look-ups. Filled at first use, 8 KiB. */
static uint16_t pairs[4096];

static void fill_pairs(void)
{
    for (unsigned i = 0; i < 4096; i++) {
        char two[2] = {alphabet[i >> 6], alphabet[i & 63]};

        memcpy(&pairs[i], two, 2);
    }
}

void base64_groups(const uint8_t *in, size_t n, char *out)
{
    if (!pairs[0])
        fill_pairs();
    /* Twelve bytes at a step keep two loads and eight look-ups in flight. */
    for (; n >= 14; n -= 12, in += 12, out += 16) {
        uint64_t a, b;
        uint16_t p[8];

        memcpy(&a, in, 8);
        memcpy(&b, in + 6, 8);
        a = __builtin_bswap64(a);
        b = __builtin_bswap64(b);
        p[0] = pairs[a >> 52];
        p[1] = pairs[(a >> 40) & 0xfff];
        p[2] = pairs[(a >> 28) & 0xfff];
        p[3] = pairs[(a >> 16) & 0xfff];
        p[4] = pairs[b >> 52];
        p[5] = pairs[(b >> 40) & 0xfff];
        p[6] = pairs[(b >> 28) & 0xfff];
        p[7] = pairs[(b >> 16) & 0xfff];
        memcpy(out, p, sizeof p);
    }
    for (; n >= 3; n -= 3, in += 3, out += 4) {
        unsigned v = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];

        memcpy(out, &pairs[v >> 12], 2);
        memcpy(out + 2, &pairs[v & 0xfff], 2);
    }
}

void base64_encode(const uint8_t *in, size_t n, char *out)
{
    size_t whole = n - n % 3;
    unsigned v;

    base64_groups(in, whole, out);
    in += whole;
    out += whole / 3 * 4;
    if (n % 3 == 0)
        return;
    v = (unsigned)in[0] << 16 | (n % 3 == 2 ? (unsigned)in[1] << 8 : 0);
    out[0] = alphabet[v >> 18];
    out[1] = alphabet[(v >> 12) & 63];
    out[2] = out[3] = '=';
    if (n % 3 == 2)
        out[2] = alphabet[(v >> 6) & 63];
}

/* What a digit is worth where it is the first, second, third or fourth of four: bits of the three bytes, the first byte
 * lowest. What is no digit has the top bit. Filled at first use, 4 KiB. */
static uint32_t digits[4][256];

#define NO_DIGIT 0x80000000u

static void fill_digits(void)
{
    memset(digits, 0xff, sizeof digits);
    for (unsigned i = 0; i < 64; i++) {
        unsigned char names[2] = {(unsigned char)alphabet[i], (unsigned char)alphabet[i]};

        if (i >= 62) /* the URL-safe alphabet's */
            names[1] = "-_"[i - 62];
        for (unsigned k = 0; k < 4; k++)
            digits[k][names[0]] = digits[k][names[1]] = __builtin_bswap32(i << (26 - 6 * k));
    }
}

ptrdiff_t base64_decode(struct bytes s, uint8_t *out)
{
    const uint8_t *in = (const uint8_t *)s.ptr;
    uint8_t *start = out;
    uint32_t all = 0, v;
    size_t n = s.len;

    if (!digits[0][0])
        fill_digits();
    if (n % 4 == 0) /* padding is allowed only where it completes a group */
        for (int i = 0; i < 2 && n > 0 && in[n - 1] == '='; i++)
            n--;
    for (; n >= 4; n -= 4, in += 4, out += 3) {
        v = digits[0][in[0]] | digits[1][in[1]] | digits[2][in[2]] | digits[3][in[3]];
        all |= v;
        memcpy(out, &v, sizeof v); /* the fourth byte is the next one's, or of the room behind */
    }
    if (n == 1)
        return -1;
    if (n >= 2) {
        v = digits[0][in[0]] | digits[1][in[1]] | (n == 3 ? digits[2][in[2]] : 0);
        all |= v;
        memcpy(out, &v, n - 1);
        out += n - 1;
    }
    return all & NO_DIGIT ? -1 : out - start;
}
