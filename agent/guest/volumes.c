#include "guest/volumes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "core/dirs.h"
#include "core/fd.h"
#include "core/limits.h"

/* envd's: what is written is at the server when the call returns, and nothing that another guest wrote is missed. nolock: the lock
 * manager of version 3 would need rpc.statd in the guest. */
#define OPTIONS                                                                                              \
    "vers=3,hard,sync,rsize=1048576,wsize=1048576,proto=tcp,port=2049,mountproto=tcp,mountport=2049,"        \
    "noacl,noac,lookupcache=none,nolock"

/* The address in front of the export's colon, without brackets; 0, or -1 when there is none. */
static int address_of(struct bytes target, char out[INET6_ADDRSTRLEN])
{
    bool brackets = target.len > 0 && *target.ptr == '[';
    const char *end = memmem(target.ptr, target.len, brackets ? "]:/" : ":/", brackets ? 3 : 2);
    const char *start = target.ptr + brackets;
    unsigned char scratch[sizeof(struct in6_addr)];
    size_t n = end ? (size_t)(end - start) : 0;

    if (n == 0 || n >= INET6_ADDRSTRLEN)
        return -1;
    memcpy(out, start, n);
    out[n] = 0;
    return inet_pton(brackets ? AF_INET6 : AF_INET, out, scratch) == 1 ? 0 : -1;
}

/* A text without what would end an option or a line. */
static int take(char out[VOLUME_TEXT_MAX], struct bytes text)
{
    if (text.len == 0 || text.len >= VOLUME_TEXT_MAX)
        return -1;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return -1;
    memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return 0;
}

int volume_take(struct volume *v, struct bytes target, struct bytes path, struct err *e)
{
    char address[INET6_ADDRSTRLEN];

    if (take(v->target, target) < 0 || address_of(target, address) < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "volume: its target is not ADDRESS:/EXPORT");
    if (take(v->path, path) < 0 || v->path[0] != '/' || strspn(v->path, "/") == path.len)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "volume: its path is not absolute, or the root");
    return 0;
}

void volume_options(const struct volume *v, char *out)
{
    char address[INET6_ADDRSTRLEN] = "";

    address_of(bytes_of(v->target), address);
    sprintf(out, OPTIONS ",addr=%s,mountaddr=%s", address, address);
}

/* The path as the table of mounts has it: space, tab, line's end and backslash as \ooo (proc(5)). */
static void escape(const char *path, char out[4 * VOLUME_TEXT_MAX])
{
    for (; *path; path++) {
        if (strchr(" \t\n\\", *path))
            out += sprintf(out, "\\%03o", (unsigned char)*path);
        else
            *out++ = *path;
    }
    *out = 0;
}

/* Whether a line of the table is about the path; *nfs then says of which kind it is. Its fifth word is the mount point, and the kind
 * stands behind a lone dash. */
static bool is_line_of(const char *line, const char *path, bool *nfs)
{
    const char *kind = strstr(line, " - ");

    for (int i = 0; line && i < 4; i++)
        line = (line = strchr(line, ' ')) ? line + 1 : NULL;
    if (!line || !kind || strncmp(line, path, strlen(path)) != 0 || line[strlen(path)] != ' ')
        return false;
    *nfs = strncmp(kind + 3, "nfs", 3) == 0;
    return true;
}

/* Whether such a volume is mounted there, of a sandbox that was here before: anything else is not ours to take away. Only the table
 * is read, for a call on the mount could hang. The last mount of a path lies on top. */
static bool is_nfs(const char *path)
{
    CLEANUP_FREE char *table = malloc(MOUNT_TABLE_MAX);
    char escaped[4 * VOLUME_TEXT_MAX];
    bool nfs = false;

    if (!table || fd_read_file(AT_FDCWD, "/proc/self/mountinfo", table, MOUNT_TABLE_MAX) < 0)
        return false;
    escape(path, escaped);
    for (char *line = table, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        is_line_of(line, escaped, &nfs);
    }
    return nfs;
}

int volume_mount(const struct volume *v, struct err *e)
{
    char options[512];

    while (is_nfs(v->path) && (umount2(v->path, MNT_FORCE | UMOUNT_NOFOLLOW) == 0 ||
                               umount2(v->path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0))
        ;
    if (dirs_make(v->path) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "make %s for a volume", v->path);
    volume_options(v, options);
    if (mount(v->target, v->path, "nfs", 0, options) == 0)
        return 0;
    if (errno == ENODEV)
        return err_set(e, STATUS_FAILED_PRECONDITION, errno,
                       "mount %s at %s: the kernel has no NFS (CONFIG_NFS_V3)", v->target, v->path);
    return err_set(e, STATUS_INTERNAL, errno, "mount %s at %s", v->target, v->path);
}
