/* How an entry of the guest is shown. Names are bytes: on a terminal what it could take for commands is replaced; elsewhere they
 * come as they are; in JSON also in base64 where they are not UTF-8. */
#ifndef CTL_LISTING_H
#define CTL_LISTING_H

#include "ctl/guest.h"

/* "drwxr-sr-x" of st_mode. */
void listing_mode(uint32_t mode, char out[11]);

/* Writes bytes of a guest's to standard output. */
void listing_name(ProtobufCBinaryData name);

/* Each writes one line or a block of lines. */
void listing_long(const guest_file *f);
void listing_block(const guest_file *f);

/* One line of JSON: path, name, type, mode ("0644"), uid, gid, owner, group, size, blocks, inode, device, links, modified,
 * changed, accessed (RFC 3339), target (of a link); path_bytes, name_bytes, target_bytes (base64) where those are not UTF-8.
 * Returns 0, or -1 when out of memory. */
int listing_json(const guest_file *f);

#endif
