#include "guest/fs/move.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "guest/fs/dirs.h"
#include "guest/fs/status.h"

int fs_make_new_dirs(const char *path, uid_t uid, gid_t gid, struct err *e)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode)
                   ? err_set(e, STATUS_ALREADY_EXISTS, 0, "directory already exists: %s", path)
                   : err_set(e, STATUS_INVALID_ARGUMENT, 0,
                             "path already exists but it is not a directory: %s", path);
    if (errno != ENOENT)
        return err_set(e, fs_status(errno), errno, "error getting file info: stat %s", path);
    return fs_make_dirs(path, uid, gid, e);
}

int fs_move(const char *source, const char *destination, uid_t uid, gid_t gid, struct err *e)
{
    if (fs_make_parents(destination, uid, gid, e) < 0)
        return -1;
    if (rename(source, destination) == 0)
        return 0;
    if (errno == ENOENT)
        return err_set(e, STATUS_NOT_FOUND, ENOENT, "source file not found: rename %s %s", source,
                       destination);
    return err_set(e, fs_status(errno), errno, "error renaming: rename %s %s", source, destination);
}
