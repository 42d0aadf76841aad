#include "core/image.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_only_read_goes_and_comes_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
