/* The terminal that guestctl runs on: raw while a guest's terminal is shown in it, and as it was afterwards,
 * whichever way guestctl ends. */
#ifndef CTL_TERMINAL_H
#define CTL_TERMINAL_H

#include <stdint.h>

#include "core/err.h"

/* Makes standard input's terminal raw. It is given back by terminal_restore, at exit, and by signals that end
 * us. Returns 0, or -1 with *e. */
int terminal_raw(struct err *e);
void terminal_restore(void);

/* The size of the terminal on standard input or output; 80 x 24 when there is none. */
void terminal_size(uint16_t *cols, uint16_t *rows);

#endif
