#include "guest/git/progress.h"

#include <stdio.h>

#include "test.h"

static char seen[2048];

static void on_line(struct git_progress *p, const struct git_progress_line *l)
{
    size_t n = strlen(seen);

    (void)p;
    snprintf(seen + n, sizeof seen - n, "[%.*s] %llu/%llu %llu %llu '%.*s'\n", (int)l->phase.len,
             l->phase.len ? l->phase.ptr : "", (unsigned long long)l->done, (unsigned long long)l->total,
             (unsigned long long)l->bytes, (unsigned long long)l->bytes_per_second, (int)l->remote.len,
             l->remote.len ? l->remote.ptr : "");
}

static void lines(void **state)
{
    static const char text[] = "Cloning into 'x'...\n"
                               "remote: Enumerating objects: 5, done.        \n"
                               "remote: Counting objects:  20% (1/5)        \r"
                               "Receiving objects:  42% (420/1000), 1.50 MiB | 600.00 KiB/s\r"
                               "Receiving objects: 100% (1000/1000), 12 bytes | 1.00 MiB/s, done.\n"
                               "remote: hello: you\n"
                               "remote: \n"
                               "warning: 7\n"
                               "Resolving deltas: 5% (x\r"
                               "unfinished: 3";
    static const char meaning[] = "[Enumerating objects] 5/0 0 0 ''\n"
                                  "[Counting objects] 1/5 0 0 ''\n"
                                  "[Receiving objects] 420/1000 1572864 614400 ''\n"
                                  "[Receiving objects] 1000/1000 12 1048576 ''\n"
                                  "[] 0/0 0 0 'hello: you'\n"
                                  "[warning] 7/0 0 0 ''\n";

    (void)state;
    for (size_t size = 1; size < sizeof text; size += 1 + size / 2) {
        struct git_progress p = {.line = on_line};

        seen[0] = 0;
        for (size_t at = 0; at < sizeof text - 1; at += size)
            git_progress_feed(&p, (struct bytes){text + at, MIN(size, sizeof text - 1 - at)});
        assert_string_equal(seen, meaning);
    }
}

static void a_long_line(void **state)
{
    struct git_progress p = {.line = on_line};

    (void)state;
    seen[0] = 0;
    git_progress_feed(&p, BYTES_LIT("remote: "));
    for (unsigned i = 0; i < 1000; i++)
        git_progress_feed(&p, BYTES_LIT("yes"));
    git_progress_feed(&p, BYTES_LIT("\n"));
    assert_int_equal(strlen(seen), GIT_PROGRESS_LINE - 8 + strlen("[] 0/0 0 0 ''\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(a_long_line)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
