#include "ctl/listing.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/utf8.h"
#include "core/writer.h"

/* By FileInfo.Type: the letter of ls -l, and a word. */
static const struct {
    char letter;
    const char *word;
} types[] = {{'?', "unknown"}, {'-', "file"},   {'d', "directory"},        {'l', "symlink"},
             {'p', "fifo"},    {'s', "socket"}, {'c', "character device"}, {'b', "block device"}};

static size_t type_of(const guest_file *f)
{
    return (size_t)f->type < ARRAY_LEN(types) ? (size_t)f->type : 0;
}

void listing_mode(uint32_t mode, char out[11])
{
    static const char bits[] = "rwxrwxrwx";
    static const struct {
        uint32_t bit;
        int at;
        char with, without; /* the right to execute */
    } special[] = {{S_ISUID, 3, 's', 'S'}, {S_ISGID, 6, 's', 'S'}, {S_ISVTX, 9, 't', 'T'}};

    out[0] = '-';
    for (int i = 0; i < 9; i++)
        out[i + 1] = (char)(mode & (0400u >> i) ? bits[i] : '-');
    for (size_t i = 0; i < ARRAY_LEN(special); i++)
        if (mode & special[i].bit)
            out[special[i].at] = (char)(out[special[i].at] == 'x' ? special[i].with : special[i].without);
    out[10] = 0;
}

void listing_name(ProtobufCBinaryData name)
{
    bool terminal = isatty(STDOUT_FILENO);

    for (size_t i = 0; i < name.len; i++)
        putchar(terminal && (name.data[i] < ' ' || name.data[i] == 0x7f) ? '?' : name.data[i]);
}

static void print_text(const char *text)
{
    listing_name((ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text});
}

/* "2026-01-31 15:04", in our time zone. */
static void time_text(const Google__Protobuf__Timestamp *t, char out[32])
{
    time_t seconds = t ? (time_t)t->seconds : 0;
    struct tm tm;

    if (!localtime_r(&seconds, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M", &tm) == 0)
        snprintf(out, 32, "-");
}

static const char *owner_of(const char *name, uint32_t id, char out[16])
{
    snprintf(out, 16, "%u", id);
    return *name ? name : out;
}

void listing_long(const guest_file *f)
{
    char mode[11], when[32], uid[16], gid[16];

    listing_mode(f->mode, mode);
    mode[0] = types[type_of(f)].letter;
    time_text(f->modified_time, when);
    printf("%s %2u %-8s %-8s %9lld %s ", mode, f->links, owner_of(f->owner, f->uid, uid),
           owner_of(f->group, f->gid, gid), (long long)f->size, when);
    listing_name(f->name);
    if (f->link_target.len > 0) {
        printf(" -> ");
        listing_name(f->link_target);
    }
    putchar('\n');
}

static void stamp(const Google__Protobuf__Timestamp *t, char out[40])
{
    out[0] = 0;
    if (t)
        clock_rfc3339(t->seconds, t->nanos, out);
}

void listing_block(const guest_file *f)
{
    char mode[11], text[40], uid[16], gid[16];

    listing_mode(f->mode, mode);
    mode[0] = types[type_of(f)].letter;
    printf("path      ");
    listing_name(f->path);
    printf("\ntype      %s\n", types[type_of(f)].word);
    if (f->link_target.len > 0) {
        printf("target    ");
        listing_name(f->link_target);
        putchar('\n');
    }
    printf("mode      %04o (%s)\n", f->mode & 07777, mode);
    printf("owner     %u (%s), group %u (", f->uid, owner_of(f->owner, f->uid, uid), f->gid);
    print_text(owner_of(f->group, f->gid, gid));
    printf(")\nsize      %lld bytes, %lld blocks\n", (long long)f->size, (long long)f->blocks);
    printf("inode     %llu on device %llu, %u links\n", (unsigned long long)f->inode,
           (unsigned long long)f->device, f->links);
    stamp(f->modified_time, text);
    printf("modified  %s\n", text);
    stamp(f->changed_time, text);
    printf("changed   %s\n", text);
    stamp(f->accessed_time, text);
    printf("accessed  %s\n", text);
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* "name":"text", and "name_bytes":"base64" where the text cannot say it. */
static void put_bytes(struct writer *w, const char *name, ProtobufCBinaryData data)
{
    struct bytes text = {(const char *)data.data, data.len};

    writer_printf(w, "\"%s\":", name);
    writer_json_string(w, text);
    if (!utf8_valid(text)) {
        CLEANUP_FREE char *encoded = malloc(BASE64_LEN(data.len) + 1);

        writer_printf(w, ",\"%s_bytes\":\"", name);
        if (encoded) {
            base64_encode(data.data, data.len, encoded);
            writer_put(w, encoded, BASE64_LEN(data.len));
        }
        writer_char(w, '"');
    }
    writer_char(w, ',');
}

static void put_time(struct writer *w, const char *name, const Google__Protobuf__Timestamp *t)
{
    char text[40];

    stamp(t, text);
    writer_printf(w, ",\"%s\":\"%s\"", name, text);
}

static void put_file(struct writer *w, const guest_file *f)
{
    writer_char(w, '{');
    put_bytes(w, "path", f->path);
    put_bytes(w, "name", f->name);
    if (f->link_target.len > 0)
        put_bytes(w, "target", f->link_target);
    writer_printf(w, "\"type\":\"%s\",\"mode\":\"%04o\",\"uid\":%u,\"gid\":%u,\"owner\":",
                  types[type_of(f)].word, f->mode & 07777, f->uid, f->gid);
    writer_json_string(w, bytes_of(f->owner));
    writer_str(w, ",\"group\":");
    writer_json_string(w, bytes_of(f->group));
    writer_printf(w, ",\"size\":%lld,\"blocks\":%lld,\"inode\":%llu,\"device\":%llu,\"links\":%u",
                  (long long)f->size, (long long)f->blocks, (unsigned long long)f->inode,
                  (unsigned long long)f->device, f->links);
    put_time(w, "modified", f->modified_time);
    put_time(w, "changed", f->changed_time);
    put_time(w, "accessed", f->accessed_time);
    writer_str(w, "}\n");
}

int listing_json(const guest_file *f)
{
    struct chain text = {0};
    struct writer w;

    writer_init(&w, &text, NULL, SIZE_MAX);
    put_file(&w, f);
    return ctl_print(&text, writer_done(&w));
}
