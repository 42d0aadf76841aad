#include "http/url.h"

#include "fuzz.h"

/* What is taken for an URL can be written into a request as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_copy(data, size);
    struct http_url u;
    struct err e = {0};

    if (http_url_parse((struct bytes){text, size}, &u, &e) < 0) {
        CHECK(*e.text);
        return 0;
    }
    CHECK(u.target[0] == '/' && strlen(u.target) < sizeof u.target && *u.authority);
    CHECK(u.address.transport == TRANSPORT_TCP);
    for (const char *p = u.target; *p; p++)
        CHECK(*p > ' ' && *p <= '~' && *p != '#');
    return 0;
}
