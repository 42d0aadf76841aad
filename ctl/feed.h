/* What we tell a process that we watch: input, its end, signals, the size of its terminal. One call at a time, on a
 * connection of its own that is opened for the first. */
#ifndef CTL_FEED_H
#define CTL_FEED_H

#include "ctl/client.h"

struct feed {
    const struct ctl *ctl;
    struct client client;
    bool asking;     /* a call waits for its answer: poll client_poll, then feed_answer */
    bool with_input; /* and carries input, or its end */
    bool terminal;   /* the process has one */
    uint32_t pid;    /* of the process */
    uint64_t id;     /* of the process; 0: not known */
};

/* Each sends a call, while none is under way. Returns 0, or -1 with *e, and the connection is closed then. */
int feed_input(struct feed *f, const uint8_t *data, size_t len, struct err *e);
int feed_end(struct feed *f, struct err *e);
int feed_signal(struct feed *f, int signo, struct err *e);
int feed_size(struct feed *f, struct err *e);

enum feed_answer {
    FEED_WAITING,
    FEED_TAKEN,
    FEED_REFUSED, /* the process does not take it, which is its affair */
    FEED_LOST, /* the connection has gone, or there was no memory on one of its ends; the next call opens another */
};

/* Reads of the answer what has come. *why says how it was lost. */
enum feed_answer feed_answer(struct feed *f, struct err *why);

/* Always allowed. */
void feed_close(struct feed *f);

#endif
