/* The record of how the guest came up: the phases of its boot with their times, and what went wrong in them. PID 1 writes it,
 * hosts read it. As a service there are two phases: the program's start, and that it listens.
 *
 * Threads: one, the loop's. Bounds: BOOT_PHASES_MAX, BOOT_PROBLEMS_MAX. */
#ifndef GUEST_BOOT_H
#define GUEST_BOOT_H

#include "core/err.h"
#include "core/limits.h"

struct boot_phase {
    const char *name;  /* a literal */
    uint64_t ended_ns; /* of CLOCK_BOOTTIME, which a VM's kernel counts from its own start */
};

struct boot {
    uint64_t started_ns; /* when our program began */
    struct boot_phase phases[BOOT_PHASES_MAX];
    unsigned phase_count;
    char *problems[BOOT_PROBLEMS_MAX]; /* a line each, without its end */
    unsigned problem_count;
    unsigned problems_lost; /* beyond those */
    /* What is left to be done, which programs need and no answer does; NULL: nothing. */
    void (*rest)(struct boot *b, void *arg);
    void *rest_arg;
};

/* Begins the record. */
void boot_begin(struct boot *b);

/* The phase of that name, a literal, ends now; the next one begins. */
void boot_phase(struct boot *b, const char *name);

/* Keeps a line about what went wrong, and writes it to stderr, where PID 1 has the console: "guestd: " and the line. */
void boot_problem(struct boot *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Does what is left. Called before the first program, before a door that needs the network, before somebody is told how the boot
 * went, and soon after the start in any case. */
void boot_finish(struct boot *b);

void boot_clear(struct boot *b);

#endif
