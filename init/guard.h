/* What keeps PID 1 going beside all the others, and what its children must not inherit: guest/exec undoes it in each. */
#ifndef INIT_GUARD_H
#define INIT_GUARD_H

#include "guest/boot.h"

/* Nobody is killed later for want of memory than we, and few run earlier. */
void guard_self(struct boot *b);

/* In a child: as if there had been none. */
void guard_undo(void);

#endif
