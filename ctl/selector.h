/* Which process a verb means: PID, TAG or id:ID. */
#ifndef CTL_SELECTOR_H
#define CTL_SELECTOR_H

#include "core/err.h"
#include "process/process.pb-c.h"

#define SELECTOR_OPERANDS "PID|TAG|id:ID"

/* Parses the word: digits are a pid, "id:" and digits an id, all else is a tag, which stays the caller's. Returns 0, or
 * -1 with *e. */
int selector_parse(Process__ProcessSelector *s, const char *word, struct err *e);

/* Names a process that is known: by its id, where there is one (not 0), else by its pid. */
void selector_known(Process__ProcessSelector *s, uint32_t pid, uint64_t id);

#endif
