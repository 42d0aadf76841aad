/* What the kernel and the image that we run in have of what guestd needs and wants (guestd --check): each is tried by its effect, not
 * looked up in the kernel's configuration, which few guests have. Nothing is changed: what a look opens or makes goes with it. */
#ifndef GUEST_CHECK_H
#define GUEST_CHECK_H

#include "core/base.h"

enum check_state {
    CHECK_HAS,
    CHECK_LACKS,
    CHECK_HIDDEN, /* whoever runs us may not look */
};

enum check_need {
    CHECK_NEEDED, /* without it guestd does not do its work */
    CHECK_WANTED, /* it does, with the cost that is told */
};

#define CHECK_FOUND_MAX 64 /* bytes of what was found, with its NUL */

struct check {
    const char *what;
    enum check_need need;
    const char *cost; /* of its lack: one line */
    /* Looks at `arg`; writes what it found to found[CHECK_FOUND_MAX], which is empty before. */
    enum check_state (*look)(const char *arg, char *found);
    const char *arg;
};

/* All of them, in the order of the table. */
const struct check *check_table(size_t *count);

/* Looks at everything and writes a table to `out`, a FILE *. Returns how many needed things are lacking. */
unsigned check_print(void *out);

#endif
