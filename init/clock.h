/* The wall clock at the boot. A VMM that offers its own clock (/dev/ptp0) is right: the guest's is set to it when it is more than
 * CLOCK_OFF_MS off, and left alone otherwise, as is the clock of a guest without one: it is the host's to set (/init). Only a
 * clock that is obviously unset takes the hardware clock's time (/dev/rtc0).
 *
 * Sources: Documentation/driver-api/ptp.rst, clock_getres(2) (dynamic clocks), rtc(4). */
#ifndef INIT_CLOCK_H
#define INIT_CLOCK_H

#include "core/err.h"

/* What was done. */
struct clock_report {
    const char *source; /* whose time was taken; NULL: the clock was left alone */
    int64_t offset_ms;  /* by how much it was set forward */
};

/* Sets the clock if it must be. Returns 0 with *report, or -1 with *e. */
MUST_CHECK int clock_set_at_boot(struct clock_report *report, struct err *e);

#endif
