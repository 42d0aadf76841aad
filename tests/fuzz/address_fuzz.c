#include "core/address.h"

#include "fuzz.h"

/* An address that is understood is written in a form that means the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_text(data, size);
    char written[ADDRESS_TEXT_MAX];
    struct address a, b;
    struct err e;

    if (address_parse(text, &a, &e) < 0) {
        CHECK(e.status == STATUS_INVALID_ARGUMENT && strncmp(e.text, "address '", 9) == 0);
        return 0;
    }
    CHECK(strncmp(text, transport_name(a.transport), strlen(transport_name(a.transport))) == 0);
    CHECK(a.transport != TRANSPORT_UNIX || a.len <= sizeof a.sa.un);
    address_text(&a, written);
    CHECK(address_parse(written, &b, &e) == 0);
    CHECK(a.transport == b.transport && a.len == b.len && memcmp(&a.sa, &b.sa, a.len) == 0);
    return 0;
}
