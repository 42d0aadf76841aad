/* Two connected sockets whose bytes go from each to the other, the end of each direction by itself. At most RELAY_BUFFER
 * bytes are held each way: a side is not read while the other has not taken all. */
#ifndef CTL_RELAY_H
#define CTL_RELAY_H

#include <poll.h>

#include "core/base.h"

#define RELAY_BUFFER (64u << 10)

/* What goes one way. */
struct relay_flow {
    uint8_t *data; /* RELAY_BUFFER bytes */
    size_t at, len;
    bool ended; /* its source has no more */
    bool over;  /* and its end was passed on, or its sink takes nothing any more */
};

struct relay {
    int fd[2];                 /* non-blocking; the relay's */
    struct relay_flow flow[2]; /* [i] from fd[i] to the other */
};

/* Takes both sockets. Returns 0, or -1 when memory is short; the sockets are closed then. */
int relay_open(struct relay *r, int a, int b);
void relay_close(struct relay *r);

/* What to poll for each of the two. */
void relay_poll(const struct relay *r, struct pollfd p[2]);

/* Moves what can be moved, after poll. Returns false when both directions are over. */
bool relay_move(struct relay *r, const struct pollfd p[2]);

#endif
