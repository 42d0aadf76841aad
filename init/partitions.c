#include "init/partitions.h"

#include <stdio.h>
#include <strings.h>

#include "init/superblock.h"

enum { ENTRY_MIN = 128, ENTRIES_MAX = 128 }; /* UEFI 5.3.3; and as many as any tool makes */

static uint64_t le(const char *p, size_t n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | (uint8_t)p[n];
    return v;
}

/* The entries of a GPT whose sectors are so large; an empty text: there is none. */
static struct bytes gpt_entries(struct bytes head, size_t sector, size_t *entry_size)
{
    const char *h = head.ptr + sector;
    uint64_t lba, count;

    if (head.len < sector + 92 || memcmp(h, "EFI PART", 8) != 0)
        return (struct bytes){0};
    lba = le(h + 72, 8);
    count = MIN(le(h + 80, 4), (uint64_t)ENTRIES_MAX);
    *entry_size = (size_t)le(h + 84, 4);
    if (*entry_size < ENTRY_MIN || *entry_size > head.len || lba >= head.len / sector)
        return (struct bytes){0};
    count = MIN(count, (head.len - (size_t)lba * sector) / *entry_size);
    return (struct bytes){head.ptr + lba * sector, (size_t)count * *entry_size};
}

/* A GUID's text: its first three numbers lie in the disk's order, not in that of the text. */
static void guid_text(const char *p, char out[40])
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t bytes[16];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)p[order[i]];
    superblock_uuid(bytes, out);
}

/* The name of an entry as UTF-8; each half of a surrogate pair becomes three bytes, and such a name is found by nobody. */
static void name_text(const char *p, char out[PARTITION_LABEL_MAX])
{
    for (size_t i = 0; i < 36; i++) {
        unsigned u = (unsigned)le(p + 2 * i, 2);

        if (u == 0)
            break;
        if (u < 0x80) {
            *out++ = (char)u;
        } else if (u < 0x800) {
            *out++ = (char)(0xc0 | u >> 6);
            *out++ = (char)(0x80 | (u & 0x3f));
        } else {
            *out++ = (char)(0xe0 | u >> 12);
            *out++ = (char)(0x80 | (u >> 6 & 0x3f));
            *out++ = (char)(0x80 | (u & 0x3f));
        }
    }
    *out = 0;
}

/* The entry that has that UUID or, with `uuid` NULL, that label. */
static unsigned find(struct bytes head, const char *uuid, const char *label)
{
    static const size_t sectors[] = {512, 4096};
    char text[PARTITION_LABEL_MAX];

    for (size_t i = 0; i < ARRAY_LEN(sectors); i++) {
        size_t size = 1;
        struct bytes entries = gpt_entries(head, sectors[i], &size);

        for (size_t at = 0; at < entries.len; at += size) {
            guid_text(entries.ptr + at, text);
            if (!*text)
                continue; /* no type: not used */
            if (uuid)
                guid_text(entries.ptr + at + 16, text);
            else
                name_text(entries.ptr + at + 56, text);
            if (uuid ? strcasecmp(text, uuid) == 0 : strcmp(text, label) == 0)
                return (unsigned)(at / size) + 1;
        }
    }
    return 0;
}

/* "SSSSSSSS-NN", when the disk has that signature. */
static unsigned mbr_number(struct bytes head, const char *uuid)
{
    char signature[10];
    int high, low;

    if (head.len < 512 || le(head.ptr + 510, 2) != 0xaa55 || strlen(uuid) != 11)
        return 0;
    snprintf(signature, sizeof signature, "%08x-", (unsigned)le(head.ptr + 440, 4));
    high = hex_digit(uuid[9]);
    low = hex_digit(uuid[10]);
    return strncasecmp(signature, uuid, 9) == 0 && high >= 0 && low >= 0 ? (unsigned)(high * 16 + low) : 0;
}

unsigned partitions_by_uuid(struct bytes head, const char *uuid)
{
    unsigned number = find(head, uuid, NULL);

    return number > 0 ? number : mbr_number(head, uuid);
}

unsigned partitions_by_label(struct bytes head, const char *label)
{
    return find(head, NULL, label);
}
