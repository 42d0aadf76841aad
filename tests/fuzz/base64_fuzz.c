#include "core/base64.h"

#include "core/writer.h"
#include "fuzz.h"

/* The text of n bytes, in a block of exactly its size. */
static char *encode(const uint8_t *data, size_t n)
{
    char *text = malloc(BASE64_LEN(n) + 1);

    CHECK(text);
    base64_encode(data, n, text);
    return text;
}

/* Decodes into no more room than the header asks for. */
static ptrdiff_t decode(const char *text, size_t n, uint8_t **out)
{
    *out = malloc(n / 4 * 3 + 2);
    CHECK(*out);
    return base64_decode((struct bytes){text, n}, *out);
}

/* How many bytes a text of that length stands for; -1 for none. */
static ptrdiff_t length(const char *text, size_t n)
{
    static const ptrdiff_t rest[] = {0, -1, 1, 2};

    if (n > 0 && n % 4 == 0)
        n -= (text[n - 1] == '=') + (text[n - 1] == '=' && text[n - 2] == '=');
    return n % 4 == 1 ? -1 : (ptrdiff_t)(n / 4 * 3) + rest[n % 4];
}

/* The writer, whose input comes in ranges, says what the encoder says. */
static void check_writer(const uint8_t *data, size_t size, const char *text)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    struct chain in = {0}, out = {0};
    struct writer w;

    for (size_t at = 0, n; at < size; at += n) {
        struct seg *s;

        n = fuzz_cut(&cuts, size - at);
        s = seg_heap(n);
        CHECK(s);
        memcpy(s->data, data + at, n);
        CHECK(chain_give(&in, s, s->data, n) == 0);
    }
    writer_init(&w, &out, NULL, SIZE_MAX);
    writer_base64(&w, &in);
    CHECK(writer_done(&w) == 0 && out.bytes == BASE64_LEN(size));
    CHAIN_FOREACH (it, &out) {
        CHECK(memcmp(it->data, text, it->len) == 0);
        text += it->len;
    }
    chain_clear(&in);
    chain_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = encode(data, size);
    CLEANUP_FREE uint8_t *back = NULL, *plain = NULL, *again = NULL;
    ptrdiff_t n;

    /* What we write can be read, with its padding and without. */
    CHECK(decode(text, BASE64_LEN(size), &back) == (ptrdiff_t)size);
    CHECK(size == 0 || memcmp(back, data, size) == 0);
    CHECK(base64_decode((struct bytes){text, (size * 4 + 2) / 3}, back) == (ptrdiff_t)size);
    check_writer(data, size, text);

    /* What others wrote: bytes that we would write and read just so. */
    n = decode((const char *)data, size, &plain);
    if (n >= 0) {
        CLEANUP_FREE char *ours = encode(plain, (size_t)n);

        CHECK(n == length((const char *)data, size));
        CHECK(decode(ours, BASE64_LEN((size_t)n), &again) == n);
        CHECK(n == 0 || memcmp(again, plain, (size_t)n) == 0);
    }
    return 0;
}
