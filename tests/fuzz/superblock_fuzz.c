#include "init/superblock.h"

#include "fuzz.h"
#include "init/partitions.h"

/* A device's beginning that is mostly zeros: three bytes for its length, and then pieces: three bytes where, one how long, and
 * what is there. */
static struct bytes unpack(const uint8_t *data, size_t size, char **whole)
{
    size_t len =
        size < 3 ? 0
                 : ((size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % (SUPERBLOCK_BYTES + 1);
    char *head = calloc(1, len + 1);

    CHECK(head);
    for (size_t at = 3; at + 4 <= size;) {
        size_t to = (size_t)data[at] | (size_t)data[at + 1] << 8 | (size_t)data[at + 2] << 16;
        size_t n = MIN(MIN((size_t)data[at + 3], size - at - 4), to < len ? len - to : 0);

        memcpy(head + MIN(to, len), data + at + 4, n);
        at += 4 + (size_t)data[at + 3];
    }
    *whole = fuzz_copy(head, len);
    free(head);
    return (struct bytes){*whole, len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *whole = NULL;
    struct bytes head = unpack(data, size, &whole);
    struct superblock s;

    CHECK(superblock_read(head, &s) == (s.type != NULL));
    CHECK(strlen(s.label) < sizeof s.label && strlen(s.uuid) < sizeof s.uuid);
    CHECK(s.type || (!*s.label && !*s.uuid));
    CHECK(partitions_by_uuid(head, "1a2b3c4d-0f") <= 128);
    CHECK(partitions_by_uuid(head, "12345678-9abc-4def-8012-3456789abcde") <= 128);
    CHECK(partitions_by_label(head, "boot") <= 128);
    return 0;
}
