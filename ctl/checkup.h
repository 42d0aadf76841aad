/* What lies between us and an agent, looked at one after the other, so that a failure has a name: the first that is bad says
 * what to mend, and what cannot be told behind it is skipped. */
#ifndef CTL_CHECKUP_H
#define CTL_CHECKUP_H

#include "core/writer.h"
#include "ctl/client.h"

/* In the order in which they are looked at. */
enum checkup_kind {
    CHECKUP_SOCKET,    /* somebody takes the connection */
    CHECKUP_HANDSHAKE, /* hybrid targets: the VMM answers OK, so somebody listens in the guest */
    CHECKUP_PROTOCOL,  /* who answers speaks HTTP, and is guestd */
    CHECKUP_TOKEN,     /* we may call */
    CHECKUP_VERSION,   /* it is of our major version */
    CHECKUP_CLOCK,     /* its clock is ours */
    CHECKUP_CGROUPS,   /* each process gets a cgroup there */
    CHECKUP_KINDS,
};

enum checkup_verdict { CHECKUP_SKIPPED, CHECKUP_OK, CHECKUP_NOTE, CHECKUP_BAD };

/* Exit code of a checkup whose first bad finding is of that kind. */
#define CHECKUP_CODE 10

/* By how much clocks usually may differ: one that was read from an RTC is up to a second behind from the start. */
#define CHECKUP_SKEW_MS 2000

struct finding {
    enum checkup_verdict verdict;
    char text[ERR_TEXT_MAX]; /* one line, without control characters */
};

struct checkup {
    const struct ctl *ctl;
    uint64_t patience_ms; /* the caller's: for each answer */
    uint64_t skew_ms;     /* the caller's: clocks may differ by so much */
    struct finding findings[CHECKUP_KINDS];
};

/* Looks at everything. ctl, patience_ms and skew_ms are set by the caller. */
void checkup_run(struct checkup *k);

/* 0, or CHECKUP_CODE + the kind of the first bad finding. */
int checkup_code(const struct checkup *k);

/* "socket", ..., and "ok", "note", "bad", "skipped". */
const char *checkup_name(enum checkup_kind kind);
const char *checkup_verdict(enum checkup_verdict verdict);

/* All of it as one JSON object on a line. */
void checkup_write(const struct checkup *k, struct writer *w);

#endif
