#include "http/range.h"

#include "fuzz.h"

/* The first bytes say how large the file is, the rest is the field. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ranges ranges;
    CLEANUP_FREE char *field = NULL;
    uint64_t file, sum = 0;
    enum range_result result;

    if (size < sizeof file)
        return 0;
    memcpy(&file, data, sizeof file);
    data += sizeof file;
    size -= sizeof file;
    field = fuzz_copy(data, size);
    result = range_parse((struct bytes){field, size}, file, &ranges);
    if (result != RANGE_PARTS)
        return 0;
    CHECK(ranges.count > 0 && ranges.count <= RANGES_MAX);
    for (unsigned i = 0; i < ranges.count; i++) {
        const struct range *r = &ranges.list[i];

        CHECK(r->size > 0 && r->start < file && r->size <= file - r->start);
        CHECK(r->size <= file - sum);
        sum += r->size;
    }
    return 0;
}
