/* What is on a block device: the type, label and UUID that a file system's superblock tells. */
#ifndef INIT_SUPERBLOCK_H
#define INIT_SUPERBLOCK_H

#include "core/base.h"

/* So much of a device's beginning is looked at; btrfs has its superblock at 64 KiB. */
#define SUPERBLOCK_BYTES ((size_t)68 * 1024)

struct superblock {
    const char *
        type; /* as mount(2) takes it, a literal; NULL: unknown. ext2 and ext3 are "ext4", whose driver mounts them */
    char label[257]; /* "": none. Bytes of the disk, of no certain encoding */
    char
        uuid[40]; /* "": none; lower case, but "ABCD-EF01" of vfat. iso9660: its date, as blkid(8) shows it */
};

/* Reads the beginning of a device, SUPERBLOCK_BYTES or all there is. Returns whether it is a file system that we know: ext2/3/4,
 * xfs, btrfs, vfat, squashfs (which has neither label nor UUID), erofs, iso9660. */
bool superblock_read(struct bytes head, struct superblock *s);

/* A UUID's text, of its 16 bytes in their order. */
void superblock_uuid(const uint8_t bytes[16], char out[40]);

#endif
