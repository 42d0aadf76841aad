#include "ctl/bundle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define BLOCK 512

/* POSIX.1-1988's header block: pax(1), "ustar Interchange Format". */
struct ustar {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6],
        version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

int bundle_open(struct bundle *b, int fd, const char *directory, int64_t time_s, struct err *e)
{
    *b = (struct bundle){.directory = directory, .time_s = time_s};
    b->out = gzdopen(fd, "wb");
    if (b->out)
        return 0;
    close(fd);
    return err_nomem(e, "compress");
}

static int put(struct bundle *b, const void *data, size_t n, struct err *e)
{
    if (n == 0 || gzfwrite(data, n, 1, b->out) == 1)
        return 0;
    return err_set(e, STATUS_UNAVAILABLE, errno, "write the bundle");
}

/* The sum of the header's bytes, its own field as spaces. */
static void sum(struct ustar *h)
{
    unsigned total = 0;

    memset(h->checksum, ' ', sizeof h->checksum);
    for (size_t i = 0; i < sizeof *h; i++)
        total += ((const unsigned char *)h)[i];
    snprintf(h->checksum, sizeof h->checksum, "%06o", total & 0777777u);
}

int bundle_add(struct bundle *b, const char *name, struct bytes content, struct err *e)
{
    static const char zeros[BLOCK];
    struct ustar h = {.mode = "0000600", .uid = "0000000", .gid = "0000000", .type = '0', .magic = "ustar"};
    int n = snprintf(h.name, sizeof h.name, "%s/%s", b->directory, name);

    if (n >= (int)sizeof h.name)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s': the name is too long for the bundle", name);
    if (content.len > BUNDLE_FILE_MAX)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "'%s': its %zu bytes are too many for the bundle",
                       name, content.len);
    memcpy(h.version, "00", sizeof h.version);
    snprintf(h.size, sizeof h.size, "%011zo", content.len);
    snprintf(h.mtime, sizeof h.mtime, "%011" PRIo64, b->time_s & 077777777777);
    sum(&h);
    if (put(b, &h, sizeof h, e) < 0 || put(b, content.ptr, content.len, e) < 0)
        return -1;
    return put(b, zeros, (BLOCK - content.len % BLOCK) % BLOCK, e);
}

int bundle_close(struct bundle *b, struct err *e)
{
    static const char zeros[2 * BLOCK];
    int ret = put(b, zeros, sizeof zeros, e);

    if (gzclose(b->out) != Z_OK && ret == 0)
        ret = err_set(e, STATUS_UNAVAILABLE, errno, "write the bundle");
    b->out = NULL;
    return ret;
}
