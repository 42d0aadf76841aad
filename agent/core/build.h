/* Which build this program is. */
#ifndef CORE_BUILD_H
#define CORE_BUILD_H

#include <stdio.h>

/* guestd's own version, SemVer: what VERSION says. Valid for the life of the process, as are those below. */
const char *build_version(void);

/* The first 12 digits of the commit it was built from; empty outside a checkout. */
const char *build_commit(void);

/* The build id that the linker wrote into the program (ld(1), --build-id), in hexadecimal: the name under which its
 * symbols are kept. Empty without one. */
const char *build_id(void);

/* Prints `name`, the version, the commit and the build id, as --version begins; "unknown" for what is empty. */
void build_print(FILE *out, const char *name);

#endif
