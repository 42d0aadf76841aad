#include "core/pages.h"

#include <sys/auxv.h>
#include <sys/mman.h>

void pages_forget(void *from, size_t size)
{
    const uintptr_t page = getauxval(AT_PAGESZ);
    uintptr_t start = ((uintptr_t)from + page - 1) & ~(page - 1),
              end = ((uintptr_t)from + size) & ~(page - 1);

    if (start < end)
        madvise((void *)start, end - start, MADV_DONTNEED);
}
