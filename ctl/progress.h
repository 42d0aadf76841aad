/* How far a copy is: one line on the terminal, if standard output is one; else nothing ever. */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include "core/base.h"

struct progress {
    bool shown_at_all; /* there is a terminal */
    bool visible;      /* the line stands there */
    uint64_t start_ms, next_ms;
    uint64_t bytes, files; /* done so far */
    uint64_t total;        /* bytes in the end; 0: not known */
};

#define PROGRESS_LINE 128
#define PROGRESS_SIZE 24

/* "1.5 MiB" */
void progress_size(double bytes, char out[PROGRESS_SIZE]);

void progress_init(struct progress *p);
void progress_add(struct progress *p, uint64_t bytes, bool file);

/* Writes the line when it is time for it. */
void progress_show(struct progress *p);

/* Takes it away: before anything else is written. */
void progress_clear(struct progress *p);

/* How long a wait may take until progress_show has something to do, in ms; -1: for ever. */
int progress_patience(const struct progress *p);

/* The line after ms: "12.5 MiB  3 files  6.2 MiB/s", and with a total its share and the rest of the time. */
void progress_text(const struct progress *p, uint64_t ms, char out[PROGRESS_LINE]);

#endif
