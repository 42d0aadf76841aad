#include "init/modules_dep.h"

#include "fuzz.h"

/* The first line is a name, the rest a modules.dep. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_copy(data, size), *name = NULL;
    const char *end = memchr(text, '\n', size);
    struct bytes rest, path, needs, needed;
    size_t left;

    if (!end)
        return 0;
    name = fuzz_text(data, (size_t)(end - text));
    rest = (struct bytes){end + 1, (size_t)(text + size - end) - 1};
    if (!modules_dep_find(rest, name, &path, &needs))
        return 0;
    CHECK(modules_dep_is(path, name) && path.ptr >= rest.ptr && path.ptr + path.len <= rest.ptr + rest.len);
    for (left = needs.len; modules_dep_last(&needs, &needed); left = needs.len)
        CHECK(needs.len < left && needed.len > 0 && !memchr(needed.ptr, ' ', needed.len));
    return 0;
}
