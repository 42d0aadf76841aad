#include "guest/fs/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/log.h"
#include "guest/paths.h"

/* Their calls end in bounded time, unless the disk itself is gone. */
static const char *const fast_types[] = {
    "bcachefs", "binfmt_misc", "bpf",       "btrfs",   "cgroup", "cgroup2",    "configfs", "debugfs",
    "devpts",   "devtmpfs",    "efivarfs",  "erofs",   "exfat",  "ext2",       "ext3",     "ext4",
    "f2fs",     "fusectl",     "hugetlbfs", "iso9660", "jfs",    "mqueue",     "nsfs",     "ntfs3",
    "overlay",  "proc",        "pstore",    "ramfs",   "rootfs", "securityfs", "squashfs", "sysfs",
    "tmpfs",    "tracefs",     "udf",       "vfat",    "xfs",    "zfs",
};

bool mounts_is_fast(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(fast_types); i++)
        if (strcmp(type, fast_types[i]) == 0)
            return true;
    return false;
}

void mounts_unescape(char *s)
{
    char *out = s;

    while (*s) {
        if (s[0] == '\\' && strspn(s + 1, "01234567") >= 3) {
            *out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 4;
        } else {
            *out++ = *s++;
        }
    }
    *out = 0;
}

static uint64_t lane_of(const struct mounts *m, const char *path)
{
    uint64_t lane = 0;
    size_t best = 0;

    for (size_t i = 0; i < m->count; i++) {
        size_t n = strlen(m->list[i].point);

        if (n >= best && strncmp(path, m->list[i].point, n) == 0 && (path[n] == '/' || path[n] == 0)) {
            best = n;
            lane = m->list[i].lane;
        }
    }
    return lane;
}

uint64_t mounts_lane(const struct mounts *m, const char *path)
{
    CLEANUP_FREE char *clean = m->count > 0 ? strdup(path) : NULL;

    if (!clean || *clean != '/') /* the usual machine has no such mounts at all */
        return 0;
    path_clean(clean);
    return lane_of(m, clean);
}

bool mounts_slow(const struct mounts *m, uint64_t id)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->list[i].id == id)
            return m->list[i].lane != 0;
    return false;
}

static int append(struct mounts *m, const char *point, uint64_t lane, uint64_t id)
{
    struct mount *list = m->list;

    if (m->count == m->room) {
        list = reallocarray(m->list, m->room ? 2 * m->room : 8, sizeof *list);
        if (!list)
            return -1;
        m->list = list;
        m->room = m->room ? 2 * m->room : 8;
    }
    list[m->count].point = strdup(point);
    list[m->count].lane = lane;
    list[m->count].id = id;
    if (!list[m->count].point)
        return -1;
    m->count++;
    return 0;
}

/* "98:0", a device number as mountinfo has it. Returns 0 when it is none. */
static dev_t parse_device(const char *text)
{
    unsigned long major, minor;
    char *at, *end;

    major = strtoul(text, &at, 10);
    if (at == text || *at != ':')
        return 0;
    minor = strtoul(at + 1, &end, 10);
    return end == at + 1 || *end ? 0 : makedev((unsigned)major, (unsigned)minor);
}

/* "36 35 98:0 /root /mnt/point rw,noatime master:1 - ext3 /dev/root rw" (proc(5)). Of the fast ones only those inside a slow
 * one matter. */
int mounts_add(struct mounts *m, char *line)
{
    char *fields[5], *rest = line, *type = strstr(line, " - ");
    uint64_t lane;
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        fields[i] = strsep(&rest, " ");
    if (!type || !fields[4])
        return 0;
    type += strlen(" - ");
    type[strcspn(type, " \n")] = 0;
    mounts_unescape(fields[4]);
    n = strlen(fields[4]);
    if (n > 0 && fields[4][n - 1] == '/')
        fields[4][n - 1] = 0;
    lane = mounts_is_fast(type) ? 0 : parse_device(fields[2]);
    if (m->count == SLOW_MOUNTS_MAX || (lane == 0 && lane_of(m, fields[4]) == 0))
        return 0;
    return append(m, fields[4], lane, strtoull(fields[0], NULL, 10));
}

static void forget(struct mounts *m)
{
    while (m->count > 0)
        free(m->list[--m->count].point);
    free(TAKE(m->list));
    m->room = 0;
}

/* What cannot be read again leaves the table as it was. */
static void read_table(struct mounts *m)
{
    CLEANUP_FREE char *line = NULL; /* the kernel bounds it: two paths, and a page of options */
    FILE *f = fopen(m->path, "re");
    size_t size = 0;
    int ret = f ? 0 : -1;

    if (f)
        forget(m);
    while (ret == 0 && getline(&line, &size, f) > 0)
        ret = mounts_add(m, line);
    if (ret < 0)
        log_warn("mounts.unread", LOG_STR("error.type", errno_text(errno)));
    if (f)
        fclose(f);
}

static void on_change(struct ev_loop *ev, ev_io *w, int revents)
{
    (void)ev;
    (void)revents;
    read_table(w->data);
}

void mounts_init(struct mounts *m, struct loop *loop)
{
    *m = (struct mounts){.loop = loop, .path = "/proc/self/mountinfo"};
    m->fd = open(m->path, O_RDONLY | O_CLOEXEC);
    if (m->fd < 0)
        return;
    /* A change is told as EPOLLERR, which libev gives to every watcher. The file is always readable and never writable, so
     * nothing else wakes us when we ask for that. */
    ev_io_init(&m->io, on_change, m->fd, EV_WRITE);
    m->io.data = m;
    ev_io_start(loop->ev, &m->io);
    ev_unref(loop->ev);
    read_table(m);
}

void mounts_destroy(struct mounts *m)
{
    forget(m);
    if (m->fd < 0)
        return;
    ev_ref(m->loop->ev);
    ev_io_stop(m->loop->ev, &m->io);
    loop_close_fd(m->loop, &m->fd);
}
