#include "core/image.h"

#include <link.h>
#include <sys/mman.h>

/* The linker's: where the file begins in memory. */
extern const char file_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

/* The program header of that number; NULL behind the last. */
static const ElfW(Phdr) * header(size_t number)
{
    const ElfW(Ehdr) *file = (const void *)file_start;
    const ElfW(Phdr) *all = (const void *)(file_start + file->e_phoff);

    return number < file->e_phnum ? &all[number] : NULL;
}

uintptr_t image_moved_by(void)
{
    const ElfW(Phdr) * s;

    for (size_t i = 0; (s = header(i)); i++)
        if (s->p_type == PT_LOAD && s->p_offset == 0)
            return (uintptr_t)file_start - s->p_vaddr;
    return 0;
}

bool image_segment(size_t number, struct image_segment *out)
{
    const ElfW(Phdr) *s = header(number);

    if (!s)
        return false;
    *out = (struct image_segment){.type = s->p_type,
                                  .flags = s->p_flags,
                                  .at = (char *)(image_moved_by() + s->p_vaddr),
                                  .size_bytes = s->p_filesz,
                                  .align = s->p_align};
    return true;
}

void image_forget(void)
{
    struct image_segment s;

    for (size_t i = 0; image_segment(i, &s); i++)
        if (s.type == PT_LOAD && !(s.flags & PF_W)) /* what relocations wrote to is in one that is */
            madvise(s.at, s.size_bytes, MADV_DONTNEED);
}
