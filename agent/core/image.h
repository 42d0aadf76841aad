/* The program as it lies in memory. */
#ifndef CORE_IMAGE_H
#define CORE_IMAGE_H

/* Gives up the pages of code and constants that are mapped. Those that are needed come back as they are touched, from the page
 * cache, sixteen at a time; the others, as a start's, are the kernel's to forget. Nothing is lost: nobody has written to them. */
void image_forget(void);

#endif
