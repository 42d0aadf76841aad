/* Lines of smaps, and the test's own memory. */
#include "guest/collapse.c"

#include <sys/syscall.h>

#include "refuse.h"
#include "test.h"

static void first_lines(void **state)
{
    struct region r = {0};

    (void)state;
    assert_true(parse_first_line("7f0000200000-7f0000600000 rw-p 00000000 00:00 0 \n", &r));
    assert_int_equal(r.start, 0x7f0000200000);
    assert_int_equal(r.end, 0x7f0000600000);
    assert_true(r.anonymous);
    assert_true(parse_first_line("55d0-55e0 rw-p 00000000 00:00 0     [heap]\n", &r));
    assert_true(r.anonymous);
    for (const char *const *other =
             (const char *const[]){"Anonymous:         4 kB\n", "AnonHugePages:     0 kB\n",
                                   "FilePmdMapped:  0 kB\n", "\n", NULL};
         *other; other++)
        assert_false(parse_first_line(*other, &r));
    assert_int_equal(r.start, 0x55d0); /* as it was */
    assert_true(parse_first_line("55d0-55e0 rw-p 00001000 08:01 77 /bin/x\n", &r));
    assert_false(r.anonymous);
    assert_true(parse_first_line("55d0-55e0 r--p 00000000 00:00 0\n", &r));
    assert_false(r.anonymous);
    assert_true(parse_first_line("55d0-55e0 rw-s 00000000 00:00 0\n", &r));
    assert_false(r.anonymous);
}

/* How much of the mapping that p lies in is huge by now. */
static uint64_t huge_bytes(const char *p)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    struct region r = {0};
    uint64_t found = 0;
    char line[512];

    while (fgets(line, sizeof line, f))
        if (!parse_first_line(line, &r) && r.start <= (uintptr_t)p && (uintptr_t)p < r.end &&
            strncmp(line, "AnonHugePages:", 14) == 0)
            found = strtoull(line + 14, NULL, 10) * 1024;
    fclose(f);
    return found;
}

/* Four huge pages' worth of memory is in use, and four are not: what is told is what smaps says afterwards. */
static void own_memory(void **state)
{
    size_t size = huge_page_size();
    char *all = mmap(NULL, 10 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *p = all + size - (uintptr_t)all % size;
    struct collapse_report r;
    uint64_t before;
    struct err e;

    (void)state;
    mprotect(p, 8 * size, PROT_READ | PROT_WRITE);
    for (size_t i = 0; i < 4 * size; i += 4096)
        p[i] = 1;
    before = huge_bytes(p) / size; /* 0, unless the machine is set to make huge ones always */
    assert_int_equal(collapse_own_memory(&r, &e), 0);
    assert_int_equal(huge_bytes(p), 4 * size);
    assert_true(r.regions >= 1 && r.chunks >= 8 && r.collapsed >= 4 - before && r.skipped >= 4);
    assert_int_equal(r.chunks, r.collapsed + r.already_huge + r.skipped);
    assert_int_equal(collapse_own_memory(&r, &e), 0);
    assert_int_equal(huge_bytes(p), 4 * size);
    assert_true(r.already_huge >= 4);
    munmap(all, 10 * size);
}

/* Linux before 6.1: all is left as it is, and told so. */
static int collapse_without(void)
{
    struct collapse_report r;
    struct err e;

    if (collapse_own_memory(&r, &e) < 0 || r.collapsed > 0 || r.chunks != r.already_huge + r.skipped ||
        r.skipped == 0)
        return 1;
    return kernel_has(KERNEL_COLLAPSE) ? 2 : 0;
}

static void a_kernel_that_cannot(void **state)
{
    size_t size = 4 * huge_page_size();
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    madvise(p, size, MADV_NOHUGEPAGE);
    memset(p, 1, size);
    assert_int_equal(with_refused(SYS_madvise, EINVAL, collapse_without), 0);
    munmap(p, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_lines),
        cmocka_unit_test(own_memory),
        cmocka_unit_test(a_kernel_that_cannot),
    };

    return RUN(tests);
}
