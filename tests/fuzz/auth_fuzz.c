#include "guest/auth.h"

#include "core/base64.h"
#include "core/utf8.h"
#include "fuzz.h"

/* The input as the plain text of Basic credentials: the user is what stands before the first ':'. */
static void check_plain(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *value = malloc(6 + BASE64_LEN(size));
    const char *colon = size ? memchr(data, ':', size) : NULL;
    struct bytes user = {(const char *)data, colon ? (size_t)(colon - (const char *)data) : 0};
    CLEANUP_FREE char *got = NULL;
    bool malformed, whole;

    CHECK(value);
    memcpy(value, "Basic ", 6);
    base64_encode(data, size, value + 6);
    got = auth_basic_user((struct bytes){value, 6 + BASE64_LEN(size)}, &malformed);
    whole = colon && !memchr(data, 0, size) && utf8_valid((struct bytes){(const char *)data, size});
    CHECK(malformed == !whole);
    CHECK((got != NULL) == (whole && user.len > 0));
    if (got)
        CHECK(bytes_are(user, got));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *value = fuzz_copy(data, size), *user = NULL;
    bool malformed;

    user = auth_basic_user((struct bytes){value, size}, &malformed);
    if (user)
        CHECK(!malformed && *user && !strchr(user, ':') && utf8_valid(bytes_of(user)));
    check_plain(data, size);
    return 0;
}
