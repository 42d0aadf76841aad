#include "guest/collapse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/kernel.h"

#define SIZE_FILE "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"

/* One mapping of /proc/self/smaps: its first line, and then what is known of it (proc(5)). */
struct region {
    uintptr_t start, end;
    bool anonymous; /* private and of no file */
};

static size_t huge_page_size(void)
{
    char text[32];
    size_t size = fd_read_file(AT_FDCWD, SIZE_FILE, text, sizeof text) > 0 ? strtoul(text, NULL, 10) : 0;

    return size > 0 ? size : 2u << 20;
}

/* "7f00-7f10 rw-p 00000000 00:00 0    [heap]": a first line. Of another one *r stays as it is. */
static bool parse_first_line(const char *line, struct region *r)
{
    uintptr_t start, end;
    bool private;
    char *at;

    start = (uintptr_t)strtoull(line, &at, 16);
    if (at == line || *at != '-')
        return false;
    end = (uintptr_t)strtoull(at + 1, &at, 16);
    if (strlen(at) < strlen(" rw-p "))
        return false;
    private = strncmp(at, " rw-p ", 6) == 0;
    strtoull(at + 6, &at, 16); /* the offset */
    strtoull(at, &at, 16);     /* the device: */
    if (*at != ':')
        return false;
    strtoull(at + 1, &at, 16);
    *r = (struct region){start, end, private && strtoull(at, NULL, 10) == 0};
    return true;
}

/* Makes one huge page of `size` bytes there, where the kernel can. */
static bool make_huge(uintptr_t at, size_t size)
{
    if (!kernel_has(KERNEL_COLLAPSE))
        return false;
    if (madvise((void *)at, size, MADV_COLLAPSE) == 0)
        return true;
    (void)!kernel_lacks(KERNEL_COLLAPSE, errno);
    return false;
}

/* The region's line of huge pages was read: it is known now how much of it is huge already. */
static void collapse(const struct region *r, uint64_t huge_bytes, size_t size, struct collapse_report *out)
{
    uintptr_t first = (r->start + size - 1) / size * size;
    uint64_t before = huge_bytes / size, after = 0, chunks = 0;

    for (uintptr_t at = first; at + size <= r->end; at += size) {
        chunks++;
        after += make_huge(at, size);
    }
    if (chunks == 0)
        return;
    before = MIN(before, chunks);
    after = MAX(after, before);
    out->regions++;
    out->chunks += chunks;
    out->already_huge += before;
    out->collapsed += after - before;
    out->skipped += chunks - after;
}

int collapse_own_memory(struct collapse_report *r, struct err *e)
{
    static const char huge[] = "AnonHugePages:"; /* and a number of KiB */
    uint64_t start = clock_mono_ms();
    FILE *f = fopen("/proc/self/smaps", "re");
    struct region region = {0};
    size_t size = huge_page_size();
    char line[512]; /* the end of a longer one is passed over: no line begins in it */

    *r = (struct collapse_report){0};
    if (!f)
        return err_set(e, STATUS_INTERNAL, errno, "open /proc/self/smaps");
    while (fgets(line, sizeof line, f))
        if (!parse_first_line(line, &region) && region.anonymous && strncmp(line, huge, strlen(huge)) == 0)
            collapse(&region, strtoull(line + strlen(huge), NULL, 10) * 1024, size, r);
    fclose(f);
    r->elapsed_ms = clock_mono_ms() - start;
    return 0;
}
