#include "http/disposition.h"

#include "fuzz.h"

/* The name once more out of the field's value: what a client does. Returns its length. */
static size_t read_back(const char *value, char *out)
{
    static const char plain[] = "inline; filename=", encoded[] = "inline; filename*=utf-8''";
    const char *at = value;
    char *start = out;

    if (strncmp(at, encoded, sizeof encoded - 1) == 0) {
        for (at += sizeof encoded - 1; *at; at += *at == '%' ? 3 : 1)
            *out++ = *at == '%' ? (char)(hex_digit(at[1]) * 16 + hex_digit(at[2])) : *at;
        return (size_t)(out - start);
    }
    CHECK(strncmp(at, plain, sizeof plain - 1) == 0);
    at += sizeof plain - 1;
    if (*at != '"') {
        size_t n = strcspn(at, " \t\";,\\()<>@:/[]?={}");

        CHECK(at[n] == 0 && n > 0);
        memcpy(out, at, n);
        return n;
    }
    for (at++; *at != '"'; at++) {
        at += *at == '\\';
        CHECK(*at);
        *out++ = *at;
    }
    CHECK(at[1] == 0);
    return (size_t)(out - start);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *name = fuzz_copy(data, size), *out = malloc(size + 1), *value = NULL;

    value = disposition_inline((struct bytes){name, size});
    CHECK(value && out);
    for (const char *p = value; *p; p++)
        CHECK((*p >= ' ' && *p < 0x7f) || *p == '\t'); /* no line of a header ends in it */
    CHECK(read_back(value, out) == size && (size == 0 || memcmp(out, name, size) == 0));
    return 0;
}
