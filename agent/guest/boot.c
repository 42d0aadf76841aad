#include "guest/boot.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void boot_begin(struct boot *b)
{
    *b = (struct boot){.started_ns = now_ns()};
}

void boot_phase(struct boot *b, const char *name)
{
    if (b->phase_count < BOOT_PHASES_MAX)
        b->phases[b->phase_count++] = (struct boot_phase){name, now_ns()};
}

void boot_problem(struct boot *b, const char *fmt, ...)
{
    char *line = NULL;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vasprintf(&line, fmt, args);
    va_end(args);
    fprintf(stderr, "guestd: %s\n", n < 0 ? fmt : line);
    if (n >= 0 && b->problem_count < BOOT_PROBLEMS_MAX) {
        b->problems[b->problem_count++] = line;
        return;
    }
    b->problems_lost++;
    if (n >= 0)
        free(line);
}

void boot_finish(struct boot *b)
{
    void (*rest)(struct boot * b, void *arg) = b->rest;

    b->rest = NULL;
    if (rest)
        rest(b, b->rest_arg);
}

void boot_clear(struct boot *b)
{
    while (b->problem_count > 0)
        free(b->problems[--b->problem_count]);
}
