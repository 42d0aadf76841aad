/* Several transfers at once, each over a connection of its own, so that the way there and back of one small file is the time
 * of another. The first file opens the first connection, and no more are opened than there are files. */
#ifndef CTL_POOL_H
#define CTL_POOL_H

#include "ctl/progress.h"
#include "ctl/temp.h"
#include "ctl/transfer.h"

struct pool {
    const char *verb; /* for messages */
    struct transfer transfers[TEMP_MAX];
    struct progress progress;
    int code; /* the exit code so far: what the last error that was told stands for */
};

void pool_init(struct pool *p, const struct ctl *ctl, const char *verb);

/* Gives up what is under way. */
void pool_close(struct pool *p);

/* Begins a file as soon as a connection is free; what goes wrong with it is told. Returns 0, or -1: no connection can be had,
 * and it is no use to go on. */
int pool_up(struct pool *p, const struct transfer_file *f);
int pool_down(struct pool *p, const struct transfer_file *f);

/* Waits until all are done. Returns 0 or -1 as above. */
int pool_finish(struct pool *p);

/* Tells an error that belongs to the file `name`. Returns 0, or -1 as above. */
int pool_failed(struct pool *p, const char *name, const struct answer_error *e);

#endif
