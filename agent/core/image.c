#include "core/image.h"

#include <link.h>
#include <sys/mman.h>

/* The linker's: where the file begins in memory. */
extern const char image[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

void image_forget(void)
{
    const ElfW(Ehdr) *file = (const void *)image;
    const ElfW(Phdr) *p = (const void *)(image + file->e_phoff);
    uintptr_t moved = 0; /* from the addresses of the file */

    for (unsigned i = 0; i < file->e_phnum; i++) {
        if (p[i].p_type != PT_LOAD)
            continue;
        if (p[i].p_offset == 0)
            moved = (uintptr_t)image - p[i].p_vaddr;
        if (!(p[i].p_flags & PF_W)) /* what relocations wrote to is in one that is */
            madvise((void *)(moved + p[i].p_vaddr), p[i].p_filesz, MADV_DONTNEED);
    }
}
