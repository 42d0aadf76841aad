#include <linux/rtnetlink.h>

#include "init/rtnl_wire.h"

#include "fuzz.h"

static bool lies_in(struct bytes part, const char *whole, size_t size)
{
    return part.len == 0 || (part.ptr >= whole && part.ptr + part.len <= whole + size);
}

/* A datagram as of the kernel: messages one behind the other, all of which lie in it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size);
    struct bytes in = {copy, size}, text;
    struct rtnl_message m;
    struct rtnl_link link;
    ssize_t eaten;
    int errnum;

    for (; (eaten = rtnl_next(in, &m)) > 0; in.ptr += eaten, in.len -= (size_t)eaten) {
        CHECK((size_t)eaten <= in.len && lies_in(m.payload, copy, size));
        if (rtnl_read_error(&m, &errnum, &text) == 0)
            CHECK(lies_in(text, copy, size) && !memchr(text.ptr, 0, text.len));
        if (rtnl_read_link(&m, &link) == 0)
            CHECK(m.type == RTM_NEWLINK && strnlen(link.name, sizeof link.name) < sizeof link.name);
    }
    CHECK(eaten == -1 || in.len == 0);
    return 0;
}
