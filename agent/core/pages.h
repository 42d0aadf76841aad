/* Memory that goes back to the kernel. A page has 4 KiB on x86-64 and, as its kernel was built, 4, 16 or 64 KiB on arm64. */
#ifndef CORE_PAGES_H
#define CORE_PAGES_H

#include "core/base.h"

/* Gives the whole pages among these bytes of anonymous memory back to the kernel: they read as zero from now on. The bytes
 * around them stay as they are. */
void pages_forget(void *from, size_t size);

#endif
