#include "system/init_request.h"

#include "core/limits.h"
#include "fuzz.h"

static void check_volumes(const struct init_request *r)
{
    struct volume v;
    struct err e = {0};
    char options[512];

    CHECK(json_array_size(r->volumes) <= VOLUMES_MAX);
    for (size_t n = 0; n < json_array_size(r->volumes); n++) {
        if (init_request_volume(r, n, &v, &e) < 0) {
            CHECK(*e.text);
            continue;
        }
        volume_options(&v, options);
        CHECK(v.path[0] == '/' && strstr(v.target, ":/") && strstr(options, ",addr=") &&
              strlen(options) < sizeof options);
    }
}

/* A body that is taken asks for what can be done. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_copy(data, size);
    struct init_request r;
    struct err e = {0};

    json_init();
    if (init_request_parse(&r, (struct bytes){text, size}, &e) < 0)
        CHECK(*e.text);
    else
        check_volumes(&r);
    if (r.token)
        CHECK(strlen(r.token) < size);
    init_request_clear(&r);
    return 0;
}
