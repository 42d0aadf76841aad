#include "init/machine_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/random.h>

#include "core/fd.h"
#include "init/file.h"

#define UUID_FILE "/sys/class/dmi/id/product_uuid"

enum { ID_BYTES = 16, ID_DIGITS = 32 };

/* The bytes of an id's or a UUID's digits; hyphens are passed over. Returns 0, or -1 when there are more, fewer or other ones,
 * or all are alike: what a firmware without an own UUID says. */
static int parse(const char *text, uint8_t id[ID_BYTES])
{
    int digits = 0;
    bool varied = false;

    for (; *text && *text != '\n'; text++) {
        int digit = hex_digit(*text);

        if (*text == '-')
            continue;
        if (digit < 0 || digits == ID_DIGITS)
            return -1;
        id[digits / 2] = (uint8_t)(digits % 2 ? id[digits / 2] << 4 | digit : digit);
        digits++;
    }
    for (int i = 1; i < digits / 2; i++)
        varied |= id[i] != id[0];
    return digits == ID_DIGITS && varied ? 0 : -1;
}

/* Returns 1 when there is an id, 0 when one is to be made, or -1 with *e. "uninitialized" is what systemd writes for the latter. */
static int is_there(struct err *e)
{
    char text[64];
    uint8_t id[ID_BYTES];

    if (fd_read_file(AT_FDCWD, MACHINE_ID_FILE, text, sizeof text) < 0)
        return errno == ENOENT ? 0 : err_set(e, STATUS_INTERNAL, errno, "read %s", MACHINE_ID_FILE);
    return parse(text, id) == 0;
}

/* By chance, as a UUID of version 4 (RFC 9562). */
static int invent(uint8_t id[ID_BYTES], struct err *e)
{
    if (getrandom(id, ID_BYTES, GRND_NONBLOCK) != ID_BYTES)
        return err_set(e, STATUS_UNAVAILABLE, 0, "%s: the kernel has no randomness yet", MACHINE_ID_FILE);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    return 0;
}

static int make(char out[ID_DIGITS + 2], struct err *e)
{
    char uuid[64];
    uint8_t id[ID_BYTES];

    if ((fd_read_file(AT_FDCWD, UUID_FILE, uuid, sizeof uuid) < 0 || parse(uuid, id) < 0) &&
        invent(id, e) < 0)
        return -1;
    for (int i = 0; i < ID_BYTES; i++)
        snprintf(out + (size_t)2 * (size_t)i, 3, "%02x", id[i]);
    out[ID_DIGITS] = '\n';
    out[ID_DIGITS + 1] = 0;
    return 0;
}

/* Where the root cannot be written: a mount over the file that must be there. */
static int lay_over(const char *text, struct err *e)
{
    if (file_write(MACHINE_ID_RUN, text, 0444, e) < 0)
        return -1;
    if (mount(MACHINE_ID_RUN, MACHINE_ID_FILE, NULL, MS_BIND, NULL) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "mount %s on %s", MACHINE_ID_RUN, MACHINE_ID_FILE);
    mount(NULL, MACHINE_ID_FILE, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
          NULL);
    return 0;
}

int machine_id_make(struct err *e)
{
    char text[ID_DIGITS + 2];
    int result = is_there(e);

    if (result != 0)
        return result < 0 ? -1 : 0;
    if (make(text, e) < 0)
        return -1;
    return file_write(MACHINE_ID_FILE, text, 0444, e) < 0 ? lay_over(text, e) : 0;
}
