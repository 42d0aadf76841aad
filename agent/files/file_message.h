/* Files as messages of guest.v1.Files. */
#ifndef FILES_FILE_MESSAGE_H
#define FILES_FILE_MESSAGE_H

#include "guest/fs/file.h"
#include "guest/v1/files.pb-c.h"

/* The file as a message in the arena, which points to what the file points to, and to name and path: names are not changed,
 * only owners that are not UTF-8 are. Any thread. NULL when out of memory. */
Guest__V1__FileInfo *file_message(const struct fs_file *f, const char *name, const char *path,
                                  struct arena *a);

#endif
