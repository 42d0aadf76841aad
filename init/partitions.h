/* The partition that a disk's table has under a name: GPT (UEFI specification 5.3) and MBR. Whether the partition is there is
 * what the kernel says, which has read the same table with all its checks; here only its number is found. */
#ifndef INIT_PARTITIONS_H
#define INIT_PARTITIONS_H

#include "core/base.h"

#define PARTITION_LABEL_MAX (36 * 3 + 1) /* 36 UTF-16 units as UTF-8 */

/* The number, from 1 on, of the partition with that UUID, or "SSSSSSSS-NN" of an MBR (the disk's signature and the number, both
 * in hexadecimal, as the kernel's root=PARTUUID=); 0: none. `head` is the disk's beginning, SUPERBLOCK_BYTES or all there is. */
unsigned partitions_by_uuid(struct bytes head, const char *uuid);

/* The number of the first partition of a GPT with that name; 0: none. */
unsigned partitions_by_label(struct bytes head, const char *label);

#endif
