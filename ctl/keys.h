/* The keys that leave a process to itself, in docker's syntax ("ctrl-p,ctrl-q"), and finding them in what is typed. */
#ifndef CTL_KEYS_H
#define CTL_KEYS_H

#include "core/err.h"

#define KEYS_DEFAULT "ctrl-p,ctrl-q"
#define KEYS_MAX     16 /* keys of a sequence */

struct keys {
    uint8_t sequence[KEYS_MAX];
    size_t len;  /* 0: nothing is looked for */
    size_t held; /* of it, typed so far and kept back */
};

/* Parses keys with commas between: a character, or ctrl- and one of a to z, @, [, \, ], ^ and _. Returns 0, or -1 with
 * *e. */
int keys_parse(struct keys *k, const char *text, struct err *e);

/* Passes on what was typed, but for the sequence: out gets at most n + KEYS_MAX bytes, *out_len of them. Returns true
 * when the sequence was typed; what comes behind it is dropped. */
bool keys_pass(struct keys *k, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len);

#endif
