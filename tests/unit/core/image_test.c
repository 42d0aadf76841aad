#include "core/image.h"

#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

/* KiB of the program's mappings that are in memory and not ours alone: code and constants. */
static unsigned resident_kib(void)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    unsigned sum = 0, kib;
    char line[512];
    bool read_only = false, mine = false;

    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char *permissions = strchr(line, ' ');

        if (strchr(line, '-') && permissions && permissions - line > 16)
            mine = strstr(line, "image") != NULL, read_only = permissions[2] == '-';
        else if (mine && read_only && sscanf(line, "Rss: %u kB", &kib) == 1)
            sum += kib;
    }
    fclose(f);
    return sum;
}

/* Constants over many pages, that can be touched. */
static const char far[64 * 4096] = {[0] = 1, [32 * 4096] = 2, [64 * 4096 - 1] = 3};

static int touch(void)
{
    const volatile char *p = far;
    int sum = 0;

    for (size_t i = 0; i < sizeof far; i += 4096)
        sum += p[i];
    return sum + p[sizeof far - 1];
}

static void what_is_only_read_goes_and_comes_back(void **state)
{
    unsigned before;

    (void)state;
    assert_int_equal(touch(), 6);
    before = resident_kib();
    image_forget();
    assert_true(resident_kib() + sizeof far / 2 / 1024 <= before);
    assert_int_equal(touch(), 6);
}

/* Whether what is there is of a segment that is loaded with these of PF_R, PF_W and PF_X. */
static bool lies_in(const void *there, uint32_t flags)
{
    struct image_segment s;

    for (size_t i = 0; image_segment(i, &s); i++)
        if (s.type == PT_LOAD && (uintptr_t)there - (uintptr_t)s.at < s.size_bytes)
            return (s.flags & flags) == flags;
    return false;
}

static void its_segments_are_where_its_parts_are(void **state)
{
    static int written = 1;
    int on_the_stack = 1;

    (void)state;
    assert_true(lies_in((const void *)(uintptr_t)touch, PF_X));
    assert_true(lies_in(&written, PF_W));
    assert_true(lies_in(far, PF_R));
    assert_false(lies_in(far, PF_W));
    assert_false(lies_in(&on_the_stack, PF_R));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_only_read_goes_and_comes_back),
        cmocka_unit_test(its_segments_are_where_its_parts_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
