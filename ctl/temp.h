/* Files that must not outlive us half written: whatever ends guestctl, a signal too, they are removed. */
#ifndef CTL_TEMP_H
#define CTL_TEMP_H

#include "core/base.h"

/* Files at once: one for each transfer. */
#define TEMP_MAX 8

/* Makes a new file next to `path` under a name of its own, mode 0600. Returns the descriptor, with its index (0 to
 * TEMP_MAX - 1) in *temp, or -1 with errno. The name is temp_name(index) until temp_forget. */
int temp_make(const char *path, int *temp);
const char *temp_name(int temp);

/* It stays from now on, or has another name. */
void temp_forget(int temp);

/* It goes. */
void temp_remove(int temp);

#endif
