#include "init/devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/netlink.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/limits.h"
#include "init/partitions.h"
#include "init/superblock.h"

#define BLOCK_DIR "/sys/class/block"
#define NAME_SIZE 64

enum tag { TAG_PATH, TAG_LABEL, TAG_UUID, TAG_PARTUUID, TAG_PARTLABEL };

struct wanted {
    enum tag tag;
    const char *value;
    char *path; /* DEVICE_PATH_MAX, when found */
};

static struct wanted parse(const char *source)
{
    static const char *const names[] = {[TAG_LABEL] = "LABEL=",
                                        [TAG_UUID] = "UUID=",
                                        [TAG_PARTUUID] = "PARTUUID=",
                                        [TAG_PARTLABEL] = "PARTLABEL="};

    for (enum tag t = TAG_LABEL; t < ARRAY_LEN(names); t++)
        if (strncmp(source, names[t], strlen(names[t])) == 0)
            return (struct wanted){t, source + strlen(names[t]), NULL};
    return (struct wanted){TAG_PATH, source, NULL};
}

bool device_is_named(const char *source)
{
    return parse(source).tag != TAG_PATH || strncmp(source, "/dev/", 5) == 0;
}

/* --- looking --------------------------------------------------------------------------------- */

static bool is_block(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

/* Up to SUPERBLOCK_BYTES of a device's beginning; an empty text when it cannot be read, as a drive without its disk. */
static struct bytes read_head(const char *path, char *buffer)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? RETRY_EINTR(pread(fd, buffer, SUPERBLOCK_BYTES, 0)) : -1;

    return (struct bytes){buffer, n > 0 ? (size_t)n : 0};
}

const char *device_type(const char *path)
{
    CLEANUP_FREE char *buffer = malloc(SUPERBLOCK_BYTES);
    struct superblock s;

    return buffer && superblock_read(read_head(path, buffer), &s) ? s.type : NULL;
}

static int by_name(const void *a, const void *b)
{
    size_t m = strlen(a), n = strlen(b);

    return m != n ? (m < n ? -1 : 1) : strcmp(a, b); /* vdb before vdaa, as the kernel counts */
}

/* The names of the block devices there are, DEVICES_MAX at most, in order. Floppies are left out: one that is not there takes
 * seconds to say so. The caller frees *names. */
static size_t list_names(char (**names)[NAME_SIZE])
{
    DIR *dir = opendir(BLOCK_DIR);
    size_t n = 0;

    *names = calloc(DEVICES_MAX, NAME_SIZE);
    for (struct dirent *d; dir && *names && n < DEVICES_MAX && (d = readdir(dir));)
        if (d->d_name[0] != '.' && strlen(d->d_name) < NAME_SIZE && strncmp(d->d_name, "fd", 2) != 0)
            memcpy((*names)[n++], d->d_name, strlen(d->d_name) + 1);
    if (dir)
        closedir(dir);
    if (n > 0)
        qsort(*names, n, NAME_SIZE, by_name);
    return n;
}

/* Calls visit with each device, until one returns true. Returns whether one did. */
static bool each_device(bool (*visit)(void *arg, const char *path, struct bytes head), void *arg)
{
    CLEANUP_FREE char(*names)[NAME_SIZE] = NULL;
    CLEANUP_FREE char *buffer = malloc(SUPERBLOCK_BYTES);
    size_t n = list_names(&names);
    bool done = false;

    for (size_t i = 0; buffer && i < n && !done; i++) {
        char path[DEVICE_PATH_MAX];

        snprintf(path, sizeof path, "/dev/%s", names[i]);
        for (char *p = path; (p = strchr(p, '!'));)
            *p = '/'; /* how sysfs writes the name "cciss/c0d0" */
        done = visit(arg, path, read_head(path, buffer));
    }
    return done;
}

/* The partition of that number: "vda1", or "nvme0n1p1" where the disk's name ends in a digit (block/partitions/core.c). */
static bool take_partition(const struct wanted *w, const char *disk, unsigned number)
{
    char last = disk[strlen(disk) - 1];

    if (number == 0)
        return false;
    snprintf(w->path, DEVICE_PATH_MAX, "%.*s%s%u", DEVICE_PATH_MAX - 16, disk,
             last >= '0' && last <= '9' ? "p" : "", number);
    return is_block(w->path);
}

static bool matches(void *arg, const char *path, struct bytes head)
{
    const struct wanted *w = arg;
    struct superblock s;
    bool found;

    if (w->tag == TAG_PARTUUID)
        return take_partition(w, path, partitions_by_uuid(head, w->value));
    if (w->tag == TAG_PARTLABEL)
        return take_partition(w, path, partitions_by_label(head, w->value));
    found = superblock_read(head, &s) &&
            (w->tag == TAG_LABEL ? strcmp(s.label, w->value) == 0 : strcasecmp(s.uuid, w->value) == 0);
    if (found)
        snprintf(w->path, DEVICE_PATH_MAX, "%s", path);
    return found;
}

/* Whether the device is there now. */
static bool look(struct wanted *w)
{
    if (w->tag != TAG_PATH)
        return *w->value && each_device(matches, w);
    if (strlen(w->value) >= DEVICE_PATH_MAX || !is_block(w->value))
        return false;
    snprintf(w->path, DEVICE_PATH_MAX, "%s", w->value);
    return true;
}

/* --- waiting --------------------------------------------------------------------------------- */

/* The kernel's uevents from now on. Returns a descriptor, or -1 with errno. */
static int open_uevents(void)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK, .nl_groups = 1};
    CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

    if (fd < 0 || bind(fd, (struct sockaddr *)&kernel, sizeof kernel) < 0)
        return -1;
    return fd_take(&fd);
}

bool device_uevent(struct bytes event)
{
    static const char wanted[] = "SUBSYSTEM=block"; /* with its NUL: one of the NUL-terminated words */

    return event.len >= sizeof wanted && memmem(event.ptr, event.len, wanted, sizeof wanted) != NULL;
}

/* Takes all uevents that have come. Returns whether one is about a block device, or some were lost. */
static bool take_uevents(int fd)
{
    char event[8192];
    bool found = false;
    ssize_t n;

    while ((n = RETRY_EINTR(recv(fd, event, sizeof event, 0))) >= 0 || errno == ENOBUFS)
        found |= n < 0 || device_uevent((struct bytes){event, (size_t)n});
    return found;
}

/* Waits until the device is there. The socket is open before the first look, so that none comes unseen between the two. */
static bool wait_for(struct wanted *w, uint64_t wait_ms)
{
    uint64_t now = clock_mono_ms(), end = now + wait_ms;
    CLEANUP_FD int fd = open_uevents();
    struct pollfd p = {fd, POLLIN, 0};

    if (look(w))
        return true;
    for (; fd >= 0 && now < end; now = clock_mono_ms())
        if (poll(&p, 1, (int)MIN(end - now, (uint64_t)ROOT_WAIT_MAX_MS)) > 0 && take_uevents(fd) && look(w))
            return true;
    return false;
}

/* --- what there is instead ------------------------------------------------------------------- */

struct listing {
    char text[512];
    size_t len;
};

static bool tell(void *arg, const char *path, struct bytes head)
{
    struct listing *l = arg;
    struct superblock s;

    if (head.len == 0)
        return false; /* as a loop device without a file */
    superblock_read(head, &s);
    l->len += (size_t)snprintf(l->text + l->len, sizeof l->text - l->len, "%s%s (%s%s%s%s%s)",
                               l->len > 0 ? ", " : "", path, s.type ? s.type : "no file system",
                               *s.label ? ", LABEL=" : "", s.label, *s.uuid ? ", UUID=" : "", s.uuid);
    l->len = MIN(l->len, sizeof l->text - 1);
    for (char *p = l->text; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = '?'; /* it goes to a console */
    return l->len == sizeof l->text - 1;
}

int device_find(const char *source, uint64_t wait_ms, char path[DEVICE_PATH_MAX], struct err *e)
{
    struct wanted w = parse(source);
    struct listing there = {0};

    w.path = path;
    if (look(&w) || (wait_ms > 0 && wait_for(&w, wait_ms)))
        return 0;
    each_device(tell, &there);
    return err_set(e, STATUS_NOT_FOUND, 0, "there is no device %s after %llu ms; there is %s", source,
                   (unsigned long long)wait_ms, there.len > 0 ? there.text : "none at all");
}
