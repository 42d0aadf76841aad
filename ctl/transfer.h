/* One file on its way to the guest or from it, over a connection of its own that serves one file after the other. Nothing
 * here waits: transfer_poll says for what, and transfer_turn goes as far as it gets.
 *
 *   transfer_up or transfer_down, then transfer_turn until it returns something else than 0. transfer_close in the end.
 *
 * What is read here becomes a file there only when it is whole, and the other way round: the agent's `atomic`, and a file
 * under another name that is renamed. With `part` the name is that of a part which stays when we are interrupted, and is
 * gone on with. */
#ifndef CTL_TRANSFER_H
#define CTL_TRANSFER_H

#include <time.h>

#include "ctl/client.h"

/* The caller's strings; they are copied where they are kept. */
struct transfer_file {
    const char *here;      /* NULL: standard input or output */
    const char *there;     /* the guest's */
    const char *user;      /* to act as, also in the path; NULL: the agent's default */
    const char *validator; /* of a download from an offset: the ETag */
    uint64_t offset;       /* bytes that the other side has already */
    bool partial;          /* the name is a part's: it is written in place */
    bool has_meta;         /* of a download: these are to be the file's */
    uint32_t mode;
    struct timespec modified;
};

enum transfer_state { TRANSFER_IDLE, TRANSFER_SENDING, TRANSFER_ANSWERED, TRANSFER_RECEIVING };

struct transfer {
    const struct ctl *ctl;
    struct client client; /* connected from the first file on */
    enum transfer_state state;
    int fd;        /* the file here */
    bool regular;  /* it always can be read */
    uint64_t left; /* bytes of it that are to be sent; UINT64_MAX: to its end */
    int temp;      /* index of the file that is written, -1: none */
    bool borrowed; /* fd is a standard stream: it stays open */
    bool begun;    /* of a download: the header was judged */
    bool has_meta; /* and at its end these are set */
    uint32_t mode;
    struct timespec modified;
    uint64_t offset;
    uint64_t moved; /* bytes of content of this file so far, those before offset too */
    char *name;     /* for messages: the source's */
    char *final;    /* of a download, its name in the end; NULL: it is written in place */
};

/* Prepares one that has no connection yet. */
void transfer_init(struct transfer *t, const struct ctl *ctl);
void transfer_close(struct transfer *t);

/* Begins a file. Return 0, or -1 with *e; transfer_idle again. */
int transfer_up(struct transfer *t, const struct transfer_file *f, struct answer_error *e);
int transfer_down(struct transfer *t, const struct transfer_file *f, struct answer_error *e);

/* What to wait for: the connection, and in *input the file where that must be waited for too (else its fd is -1). */
struct pollfd transfer_poll(const struct transfer *t, struct pollfd *input);

/* Returns 1: the file is whole on the other side; 0: more is to come; -1 with *e: it is not. */
int transfer_turn(struct transfer *t, struct answer_error *e);

#endif
