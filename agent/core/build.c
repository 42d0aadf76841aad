#include "core/build.h"

#include <link.h>

#include "commit.h"
#include "core/base.h"
#include "core/image.h"

enum { BUILD_ID_MAX = 32 }; /* bytes; ld's default is a SHA-1 */

/* Where the next part of a note begins; parts are padded to the segment's alignment (elf(5), "Notes"). */
static size_t padded(size_t size, size_t align)
{
    return (size + align - 1) / align * align;
}

/* Writes the build id that is among the notes of a segment as digits, with a NUL. Returns whether there is one. */
static bool find_id(struct bytes notes, size_t align, char out[2 * BUILD_ID_MAX + 1])
{
    ElfW(Nhdr) n;

    align = align == 8 ? 8 : 4;
    while (notes.len >= sizeof n) {
        memcpy(&n, notes.ptr, sizeof n);
        size_t desc = padded(sizeof n + n.n_namesz, align), end = padded(desc + n.n_descsz, align);

        if (desc + n.n_descsz > notes.len)
            return false;
        if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && memcmp(notes.ptr + sizeof n, "GNU", 4) == 0 &&
            n.n_descsz <= BUILD_ID_MAX) {
            for (size_t i = 0; i < n.n_descsz; i++)
                snprintf(out + 2 * i, 3, "%02x", (unsigned char)notes.ptr[desc + i]);
            return n.n_descsz > 0;
        }
        notes.ptr += MIN(end, notes.len);
        notes.len -= MIN(end, notes.len);
    }
    return false;
}

const char *build_version(void)
{
    return GUESTD_VERSION;
}

const char *build_commit(void)
{
    return GUESTD_COMMIT;
}

const char *build_id(void)
{
    static char id[2 * BUILD_ID_MAX + 1];
    struct image_segment s;

    for (size_t i = 0; !*id && image_segment(i, &s); i++)
        if (s.type == PT_NOTE && find_id((struct bytes){s.at, s.size_bytes}, s.align, id))
            break;
    return id;
}

void build_print(FILE *out, const char *name)
{
    fprintf(out, "%s %s\n", name, build_version());
    fprintf(out, "commit %s\n", *build_commit() ? build_commit() : "unknown");
    fprintf(out, "build %s\n", *build_id() ? build_id() : "unknown");
}
