#include "core/image.h"

#include <link.h>
#include <sys/mman.h>

extern const char
    __ehdr_start[]; /* the linker's: where the program, which is a PIE, is mapped: its address 0 */

void image_forget(void)
{
    const ElfW(Ehdr) *file = (const void *)__ehdr_start;
    const ElfW(Phdr) *p = (const void *)(__ehdr_start + file->e_phoff);

    for (unsigned i = 0; i < file->e_phnum; i++)
        if (p[i].p_type == PT_LOAD &&
            !(p[i].p_flags & PF_W)) /* what relocations wrote to is in one that is */
            madvise((char *)(uintptr_t)__ehdr_start + p[i].p_vaddr, p[i].p_filesz, MADV_DONTNEED);
}
