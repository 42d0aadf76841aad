#include "init/superblock.h"

#include <stdio.h>

/* The n bytes at an offset, or NULL where the device ends before. */
static const uint8_t *at(struct bytes head, size_t offset, size_t n)
{
    return offset + n <= head.len ? (const uint8_t *)head.ptr + offset : NULL;
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A label of n bytes at most, which ends at a NUL or in blanks. */
static void take_label(struct superblock *s, const uint8_t *p, size_t n)
{
    size_t len = strnlen((const char *)p, n);

    while (len > 0 && p[len - 1] == ' ')
        len--;
    memcpy(s->label, p, len);
    s->label[len] = 0;
}

void superblock_uuid(const uint8_t b[16], char out[40])
{
    static const uint8_t none[16];

    *out = 0;
    if (memcmp(b, none, sizeof none) == 0)
        return;
    for (size_t i = 0, n = 0; i < 16; i++)
        n += (size_t)snprintf(out + n, 40 - n, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                              b[i]);
}

/* Documentation/filesystems/ext4/super.rst: 1024 bytes in; s_magic 0x38, s_feature_incompat 0x60, s_uuid 0x68,
 * s_volume_name 0x78. */
static const char *read_ext(struct bytes head, struct superblock *s)
{
    enum { JOURNAL_DEVICE = 0x8 };
    const uint8_t *p = at(head, 1024, 0x88);

    if (!p || p[0x38] != 0x53 || p[0x39] != 0xef || (le32(p + 0x60) & JOURNAL_DEVICE))
        return NULL;
    superblock_uuid(p + 0x68, s->uuid);
    take_label(s, p + 0x78, 16);
    return "ext4";
}

/* fs/xfs/libxfs/xfs_format.h, struct xfs_dsb: sb_magicnum 0, sb_uuid 32, sb_fname 108. */
static const char *read_xfs(struct bytes head, struct superblock *s)
{
    const uint8_t *p = at(head, 0, 120);

    if (!p || memcmp(p, "XFSB", 4) != 0)
        return NULL;
    superblock_uuid(p + 32, s->uuid);
    take_label(s, p + 108, 12);
    return "xfs";
}

/* include/uapi/linux/btrfs_tree.h, struct btrfs_super_block: at 64 KiB; fsid 0x20, magic 0x40, label 0x12b. */
static const char *read_btrfs(struct bytes head, struct superblock *s)
{
    const uint8_t *p = at(head, 0x10000, 0x12b + 256);

    if (!p || memcmp(p + 0x40, "_BHRfS_M", 8) != 0)
        return NULL;
    superblock_uuid(p + 0x20, s->uuid);
    take_label(s, p + 0x12b, 256);
    return "btrfs";
}

/* fs/squashfs/squashfs_fs.h: the magic "hsqs". */
static const char *read_squashfs(struct bytes head, struct superblock *s)
{
    const uint8_t *p = at(head, 0, 4);

    (void)s;
    return p && memcmp(p, "hsqs", 4) == 0 ? "squashfs" : NULL;
}

/* fs/erofs/erofs_fs.h, struct erofs_super_block: 1024 bytes in; uuid 48, volume_name 64. */
static const char *read_erofs(struct bytes head, struct superblock *s)
{
    const uint8_t *p = at(head, 1024, 80);

    if (!p || le32(p) != 0xe0f5e1e2)
        return NULL;
    superblock_uuid(p + 48, s->uuid);
    take_label(s, p + 64, 16);
    return "erofs";
}

/* ECMA-119 8.4: the first volume descriptor in sector 16; volume identifier 40, dates of creation 813 and modification 830,
 * 16 digits each. */
static const char *read_iso9660(struct bytes head, struct superblock *s)
{
    const uint8_t *p = at(head, 16 * (size_t)2048, 2048);
    const char *date;

    if (!p || memcmp(p, "\1CD001", 6) != 0)
        return NULL;
    take_label(s, p + 40, 32);
    date = (const char *)p + (memcmp(p + 830, "0000000000000000", 16) == 0 || p[830] == 0 ? 813 : 830);
    if (strspn(date, "0123456789") >= 16)
        snprintf(s->uuid, sizeof s->uuid, "%.4s-%.2s-%.2s-%.2s-%.2s-%.2s-%.2s", date, date + 4, date + 6,
                 date + 8, date + 10, date + 12, date + 14);
    return "iso9660";
}

/* include/uapi/linux/msdos_fs.h, struct fat_boot_sector: of FAT32 vol_id 67, vol_label 71, fs_type 82; of others 39, 43, 54. A
 * disk with partitions ends its first sector alike, but says no FAT there. */
static const char *read_vfat(struct bytes head, struct superblock *s)
{
    const uint8_t *p = at(head, 0, 512), *id;

    if (!p || p[510] != 0x55 || p[511] != 0xaa)
        return NULL;
    if (memcmp(p + 82, "FAT32   ", 8) == 0)
        id = p + 67;
    else if (memcmp(p + 54, "FAT16   ", 8) == 0 || memcmp(p + 54, "FAT12   ", 8) == 0)
        id = p + 39;
    else
        return NULL;
    snprintf(s->uuid, sizeof s->uuid, "%02X%02X-%02X%02X", id[3], id[2], id[1], id[0]);
    if (memcmp(id + 4, "NO NAME    ", 11) != 0)
        take_label(s, id + 4, 11);
    return "vfat";
}

bool superblock_read(struct bytes head, struct superblock *s)
{
    static const char *(*const readers[])(struct bytes head, struct superblock * s) = {
        read_ext, read_xfs, read_btrfs, read_squashfs, read_erofs, read_iso9660, read_vfat,
    };

    *s = (struct superblock){0};
    for (size_t i = 0; i < ARRAY_LEN(readers) && !s->type; i++)
        s->type = readers[i](head, s);
    return s->type != NULL;
}
