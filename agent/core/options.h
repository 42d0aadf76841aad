/* Command-line options from one table, which is also what --help, the man pages and the shell completions are
 * made from. Names must be written in full. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include "core/err.h"

struct option {
    int id;           /* the caller's, > 0 */
    const char *name; /* without dashes */
    char letter;      /* short form, or 0 */
    const char *arg;  /* the argument's name, or NULL for an option without one */
    const char *text; /* one line for --help */
    bool foreign;     /* of the agent that we stand in for: not a reason to show it first */
};

struct options {
    const struct option *table;
    size_t count;
    int argc;
    char **argv;
    int at;                     /* index of the next word; after OPTIONS_END, of the first operand */
    const char *cluster;        /* the rest of a word of short options, e.g. "t" of "-it" */
    bool single_dash;           /* "-name" is a long option too, as Go's flag package has it */
    const struct option *found; /* what the last call returned */
    bool found_single;          /* and that it was written with one dash */
};

enum { OPTIONS_END = -1, OPTIONS_ERROR = -2 };

/* The id of the next option, its argument in *value (NULL without one). OPTIONS_END at the first operand or
 * after "--". OPTIONS_ERROR with *e filled for an unknown option or a missing or superfluous argument. */
int options_next(struct options *o, const char **value, struct err *e);

/* Parses a whole decimal number in [min, max] that is the argument of the option found last. Returns 0 or
 * -1. */
int options_number(const struct options *o, const char *value, uint64_t min, uint64_t max, uint64_t *out,
                   struct err *e);

/* Writes the options' part of --help to `out` (a FILE *), in the table's order. */
void options_help(const struct option *table, size_t count, void *out);

#endif
