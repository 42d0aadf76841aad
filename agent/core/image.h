/* The program as it lies in memory. */
#ifndef CORE_IMAGE_H
#define CORE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the program was moved by, from the addresses of its file: 0 where these are fixed. */
uintptr_t image_moved_by(void);

/* A segment of the program: elf(5), "Program header". */
struct image_segment {
    uint32_t type, flags; /* PT_..., PF_... */
    char *at; /* where it lies: its address in the file, and what the program was moved by if it is a PIE */
    size_t size_bytes; /* of it in the file */
    size_t align;      /* bytes */
};

/* Writes the segment of that number, from 0, and returns true; false behind the last. */
bool image_segment(size_t number, struct image_segment *out);

/* Gives up the pages of code and constants that are mapped. Those that are needed come back as they are touched, from the page
 * cache, sixteen at a time; the others, as a start's, are the kernel's to forget. Nothing is lost: nobody has written to them. */
void image_forget(void);

#endif
