/* Signals by the names that Go gives them ("killed", "hangup"), which is how envd's clients know them. */
#ifndef CORE_SIGNAME_H
#define CORE_SIGNAME_H

#include "core/base.h"

#define SIGNAME_MAX 32

/* The name of a signal; "signal 40" for one that Go has no name for. */
void signame_text(int signo, char out[SIGNAME_MAX]);

/* The signal of that name, or 0. */
int signame_number(struct bytes name);

#endif
