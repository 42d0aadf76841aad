#include <jansson.h>

#include "ctl/scrub.h"
#include "ctl/semver.h"

#include "fuzz.h"

/* The text scrubbed; the caller frees. */
static char *scrubbed(int (*how)(struct bytes, const char *, struct buffer *), struct bytes text)
{
    struct buffer out = {0};
    char *clean;

    CHECK(how(text, "sesame", &out) == 0);
    clean = fuzz_text((const uint8_t *)buffer_bytes(&out).ptr, buffer_len(&out));
    buffer_clear(&out);
    return clean;
}

static bool is_json(const char *text)
{
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);

    json_decref(j);
    return j;
}

/* What a guest says goes through these two: JSON stays JSON, our token is nowhere, and a version comes neither before nor behind
 * itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_text(data, size), *clean = scrubbed(scrub, bytes_of(text));
    CLEANUP_FREE char *json = scrubbed(scrub_json, bytes_of(text));
    struct semver v;

    CHECK(!strstr(clean, "sesame"));
    if (is_json(text))
        CHECK(is_json(json));
    if (semver_parse(text, &v) == 0)
        CHECK(semver_compare(&v, &v) == 0);
    return 0;
}
