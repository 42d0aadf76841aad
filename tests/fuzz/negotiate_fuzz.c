#include "http/negotiate.h"

#include <strings.h>

#include "fuzz.h"

/* Whether the text says anything of gzip or of everything. */
static bool names_gzip(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] == '*' || (i + 4 <= n && strncasecmp(s + i, "gzip", 4) == 0))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *field = fuzz_copy(data, size);
    struct http_fields request = {0};
    enum http_coding whole, part;

    if (http_fields_add(&request, "accept-encoding", (struct bytes){field, size}) == 0) {
        whole = negotiate_coding(&request, true);
        part = negotiate_coding(&request, false);
        CHECK(part != CODING_GZIP);
        CHECK(whole != CODING_GZIP || names_gzip(field, size));
        CHECK(whole != CODING_IDENTITY || part == CODING_IDENTITY);
        CHECK(whole != CODING_NONE || part == CODING_NONE);
        /* A second field that refuses identity leaves gzip or nothing. */
        CHECK(http_fields_add(&request, "accept-encoding", BYTES_LIT("identity;q=0")) != 0 ||
              negotiate_coding(&request, true) != CODING_IDENTITY);
    }
    http_fields_clear(&request);
    return 0;
}
