#include "init/etc_hosts.h"

#include "fuzz.h"

/* Whatever an image has in its /etc/hosts: it stays, and what was added is found the next time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_text(data, size);
    struct config_pair host = {.name = "10.0.0.1", .value = "a b"};
    CLEANUP_FREE char *out = etc_hosts_complete(text, "box", &host);

    if (!out)
        out = strdup(text);
    CHECK(out && strncmp(out, text, strlen(text)) == 0);
    CHECK(!etc_hosts_complete(out, "box", &host));
    return 0;
}
