#include "http/media.h"

#include "fuzz.h"

/* A parameter that was found is found again when it is written as a quoted string. */
static void check_again(const char *value, size_t len)
{
    CLEANUP_FREE char *written = malloc(2 * len + 32);
    CLEANUP_FREE char *again = NULL;
    size_t n, got;

    CHECK(written);
    n = (size_t)(stpcpy(written, "form-data; filename=\"") - written);
    for (size_t i = 0; i < len; i++) {
        if (value[i] == '"' || value[i] == '\\')
            written[n++] = '\\';
        written[n++] = value[i];
    }
    written[n++] = '"';
    again = media_parameter((struct bytes){written, n}, "filename", &got);
    CHECK(again && got == len && memcmp(again, value, len) == 0 && again[len] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *in = fuzz_copy(data, size);
    struct bytes value = {in, size}, type = media_type(value);
    static const char *const names[] = {"name", "filename", "boundary"};

    CHECK(type.len <= size && (type.len == 0 || !memchr(type.ptr, ';', type.len)));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t len;
        CLEANUP_FREE char *found = media_parameter(value, names[i], &len);

        if (found) {
            CHECK(len <= size && found[len] == 0);
            check_again(found, len);
        }
    }
    return 0;
}
