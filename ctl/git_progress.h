/* How far a git call is: one line on a terminal, which the next one replaces; elsewhere, if it is wanted, line after line. */
#ifndef CTL_GIT_PROGRESS_H
#define CTL_GIT_PROGRESS_H

#include "core/base.h"
#include "guest/v1/git.pb-c.h"

#define GIT_PROGRESS_TEXT 256

struct git_progress_line {
    bool shown;    /* at all */
    bool terminal; /* standard error is one */
    bool visible;  /* a line stands there */
    uint64_t next_ms;
};

/* `wanted`: also where standard error is no terminal. */
void git_progress_init(struct git_progress_line *p, bool wanted);

/* Shows it, or what the server said. */
void git_progress_show(struct git_progress_line *p, const Guest__V1__GitProgress *m);

/* Takes the line away: before anything else is written. */
void git_progress_clear(struct git_progress_line *p);

/* "Receiving objects  [=====>    ]  52%  520/1000  1.2 MiB  600.0 KiB/s" */
void git_progress_text(const Guest__V1__GitProgress *m, char out[GIT_PROGRESS_TEXT]);

#endif
