#include "guest/hosts.h"

#include "fuzz.h"

static char *edit(const char *text, size_t size, size_t *len)
{
    CLEANUP_FREE char *copy = fuzz_copy(text, size);
    char *out = hosts_edit((struct bytes){copy, size}, "10.0.0.1", "name", len);

    CHECK(out);
    return out;
}

/* The entry is there, and to set it again changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t once_len, twice_len;
    CLEANUP_FREE char *once = edit((const char *)data, size, &once_len);
    CLEANUP_FREE char *twice = edit(once, once_len, &twice_len);

    CHECK(memmem(once, once_len, "10.0.0.1", 8) && memmem(once, once_len, "name", 4));
    CHECK(once[once_len - 1] == '\n');
    CHECK(once_len == twice_len && memcmp(once, twice, once_len) == 0);
    return 0;
}
