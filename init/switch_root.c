#include "init/switch_root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"

/* Takes a mount along into the new root, which is the working directory; paths lead into the old root still. */
static void take_along(const char *path, struct boot *b)
{
    const char *to = path + 1;

    if (mkdir(to, 0755) < 0 && errno != EEXIST && errno != EROFS)
        boot_problem(b, "mkdir '%s' in the new root: %s", path, errno_text(errno));
    if (mount(path, to, NULL, MS_MOVE, NULL) == 0)
        return;
    boot_problem(b, "move %s into the new root: %s", path, errno_text(errno));
    umount2(path, MNT_DETACH);
}

/* Removes what is in a directory, and not what is mounted in it: another device. Takes the descriptor over. */
static void empty_directory(int fd, dev_t dev, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    struct stat st;

    if (!dir) {
        close(fd);
        return;
    }
    for (struct dirent *d; (d = readdir(dir));) {
        int child;

        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(dir), d->d_name, 0) == 0 || errno != EISDIR || depth == INITRAMFS_DEPTH_MAX)
            continue;
        child = openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child < 0)
            continue;
        if (fstat(child, &st) < 0 || st.st_dev != dev) {
            close(child);
            continue;
        }
        empty_directory(child, dev, depth + 1);
        unlinkat(dirfd(dir), d->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
}

int switch_root(const char *root, bool empty, struct boot *b, struct err *e)
{
    static const char *const along[] = {"/dev", "/proc", "/sys", "/run"};
    CLEANUP_FD int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (old < 0 || fstat(old, &st) < 0 || chdir(root) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "enter '%s'", root);
    /* First the root: it lies in /run, which could not be moved into it otherwise. */
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0) {
        err_set(e, STATUS_INTERNAL, errno, "move '%s' to /", root);
        (void)!chdir("/");
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(along); i++)
        take_along(along[i], b);
    if (chroot(".") < 0)
        boot_problem(b, "chroot: %s", errno_text(errno));
    else if (empty)
        empty_directory(fd_take(&old), st.st_dev, 0);
    return 0;
}
