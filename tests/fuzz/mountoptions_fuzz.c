#include "init/mount_options.h"

#include <sys/mount.h>

#include "fuzz.h"

/* What is left over for the file system needs nothing more: taken once more it stays as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_text(data, size);
    struct mount_options o = {0}, again = {0};
    struct err e;

    if (mount_options_parse(text, &o, &e) < 0) {
        CHECK(strlen(text) >= MOUNT_DATA_MAX && *e.text);
        return 0;
    }
    CHECK(strlen(o.data) < MOUNT_DATA_MAX && strlen(o.data) <= strlen(text));
    CHECK(mount_options_parse(o.data, &again, &e) == 0);
    CHECK(strcmp(o.data, again.data) == 0 && again.flags == 0 && again.propagation == 0 && !again.nofail);
    CHECK((o.flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)) == 0);
    return 0;
}
