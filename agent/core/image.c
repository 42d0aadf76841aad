#include "core/image.h"

#include <link.h>
#include <sys/mman.h>

/* The linker's: where the file begins in memory. */
extern const char file_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

/* What the program was moved by, from the addresses of its file: 0 where these are fixed. */
static uintptr_t moved_by(const ElfW(Phdr) * segments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset == 0)
            return (uintptr_t)file_start - segments[i].p_vaddr;
    return 0;
}

bool image_segment(size_t number, struct image_segment *out)
{
    const ElfW(Ehdr) *file = (const void *)file_start;
    const ElfW(Phdr) *all = (const void *)(file_start + file->e_phoff), *s = &all[number];

    if (number >= file->e_phnum)
        return false;
    *out = (struct image_segment){.type = s->p_type,
                                  .flags = s->p_flags,
                                  .at = (char *)(moved_by(all, file->e_phnum) + s->p_vaddr),
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
