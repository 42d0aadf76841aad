#include "guest/fs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <unistd.h>

#include "guest/fs/status.h"

/* A copy of the name that lives as long as the file; "" for NULL. */
static const char *keep(const char *name, struct arena *a)
{
    return name ? arena_string(a, bytes_of(name)) : "";
}

const char *fs_read_link(int dir, const char *at, struct arena *a, struct err *e)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(dir, at, text, sizeof text);
    const char *copy;

    if (n < 0 && errno == EINVAL)
        err_set(e, STATUS_FAILED_PRECONDITION, 0, "'%s' is no link", at);
    else if (n < 0)
        err_set(e, fs_status_strict(errno), errno, "read link '%s'", at);
    if (n < 0)
        return NULL;
    copy = arena_string(a, (struct bytes){text, (size_t)n});
    if (!copy)
        err_nomem(e, "read a link");
    return copy;
}

int fs_file_read_at(struct fs_entry_reader *r, int dir, const char *at, const char *shown,
                    struct fs_file *out, struct err *e)
{
    *out = (struct fs_file){.link_target = NULL};
    if (fstatat(dir, at, &out->st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_set(e, fs_status_strict(errno), errno, "stat '%s'", shown);
    out->owner = keep(owners_user(r->owners, out->st.st_uid), r->arena);
    out->group = keep(owners_group(r->owners, out->st.st_gid), r->arena);
    if (!out->owner || !out->group)
        return err_nomem(e, "describe a file");
    if (!S_ISLNK(out->st.st_mode))
        return 0;
    out->link_target = fs_read_link(dir, at, r->arena, e);
    return out->link_target ? 0 : -1;
}
