/* The small files of /etc that are read and written: a file is either the old one or the new one, never a part. */
#ifndef INIT_FILE_H
#define INIT_FILE_H

#include "core/err.h"

/* Reads a file of up to ETC_FILE_MAX bytes. Returns its text, ended by a NUL, which the caller frees; or NULL with *e: not_found when
 * there is none. */
MUST_CHECK char *file_read(const char *path, struct err *e);

/* Writes a file with that mode, by a new one and a rename; in place where it is a mount point or its directory takes no new one.
 * Where it is a link, what that names is written, with the directories on the way, so that a link into an empty /run is
 * good. Returns 0, or -1 with *e that names it. */
MUST_CHECK int file_write(const char *path, const char *text, unsigned mode, struct err *e);

#endif
