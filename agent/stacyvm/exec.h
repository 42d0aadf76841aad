/* exec and exec_stream: a process of guest/exec, and its output as JSON text. It ends with its leader, as everywhere (guest/exec/exec.h):
 * what a background process still holds open is not waited for.
 *
 * exec collects: STACYVM_OUTPUT_MAX bytes of JSON text for one call, STACYVM_OUTPUT_TOTAL for all; what is more is read and thrown
 * away, and the answer is an error that says so. exec_stream holds one chunk, and pulls the next one when that is out. */
#ifndef STACYVM_EXEC_H
#define STACYVM_EXEC_H

#include "stacyvm/internal.h"

/* Text in pieces that may end inside of a character. */
struct exec_text {
    char left[4]; /* the beginning of a character */
    size_t count;
};

/* Writes the piece as the inside of a JSON string, but for a character at its end that is not whole, which waits. */
void exec_text_put(struct exec_text *t, struct writer *w, struct bytes piece);

/* The text has ended: writes what has waited, as U+FFFD. */
void exec_text_end(struct exec_text *t, struct writer *w);

#endif
