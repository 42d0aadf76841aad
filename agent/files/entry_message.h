/* Entries as messages. */
#ifndef FILES_ENTRY_MESSAGE_H
#define FILES_ENTRY_MESSAGE_H

#include "filesystem/filesystem.pb-c.h"
#include "guest/fs/entry.h"

/* The entry as envd's clients get it, in the arena; it points to what the entry points to. `brief`: name, type and path only,
 * as the oldest client wants it (rpc_legacy_client). Bytes that are not UTF-8 become U+FFFD; names and paths that had some come
 * as bytes too. Any thread. NULL when out of memory. */
Filesystem__EntryInfo *entry_message(const struct fs_entry *e, bool brief, struct arena *a);

/* The text itself when it is UTF-8, else a copy with U+FFFD in place of each byte that is not; NULL when out of memory. */
char *entry_text(const char *text, struct arena *a);

#endif
