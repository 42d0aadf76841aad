#include "init/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include "core/fd.h"
#include "init/modules_dep.h"

#define MODULES_DIR "/lib/modules"

/* MODULE_INIT_COMPRESSED_FILE of <linux/module.h> since 5.17 */
#define COMPRESSED_FILE 4

/* --- files ----------------------------------------------------------------------------------- */

/* A whole file in memory; empty when it cannot be read or is larger than max, with errno. unmap() gives it back. */
static struct bytes map(const char *path, size_t max)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *p;

    if (fd < 0 || fstat(fd, &st) < 0)
        return (struct bytes){0};
    if (st.st_size <= 0 || (size_t)st.st_size > max) {
        errno = st.st_size <= 0 ? ENODATA : EFBIG;
        return (struct bytes){0};
    }
    p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return (struct bytes){0};
    return (struct bytes){p, (size_t)st.st_size};
}

static void unmap(struct bytes *b)
{
    if (b->len > 0)
        munmap((void *)(uintptr_t)b->ptr, b->len);
}

#define CLEANUP_MAP __attribute__((cleanup(unmap)))

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);

    return n >= m && strcmp(path + n - m, end) == 0;
}

/* --- unpacking ------------------------------------------------------------------------------- */

/* Unpacks gzip, MODULE_MAX bytes at most. Returns it on the heap, or NULL with errno. */
static char *gunzip(struct bytes packed, size_t *size)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.ptr, .avail_in = (uInt)packed.len};
    size_t room = 0;
    char *out = NULL;
    int result = Z_OK;

    errno = EINVAL;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return NULL;
    while (result == Z_OK && room < MODULE_MAX) {
        size_t more = room ? room : MIN(8 * packed.len, (size_t)MODULE_MAX / 2);
        char *larger = realloc(out, room + more);

        if (!larger)
            break;
        out = larger;
        z.next_out = (Bytef *)out + room;
        z.avail_out = (uInt)more;
        room += more;
        result = inflate(&z, Z_NO_FLUSH);
        if (result == Z_OK && z.avail_out > 0)
            result = Z_DATA_ERROR; /* it ends too early */
    }
    *size = z.total_out;
    inflateEnd(&z);
    if (result == Z_STREAM_END)
        return out;
    free(out);
    return NULL;
}

static int load_gzip(const char *path, const char *parameters)
{
    CLEANUP_MAP struct bytes packed = map(path, MODULE_MAX);
    CLEANUP_FREE char *module = NULL;
    size_t size;

    if (packed.len == 0 || !(module = gunzip(packed, &size)))
        return -1;
    return (int)syscall(SYS_init_module, module, size, parameters);
}

/* --- loading --------------------------------------------------------------------------------- */

/* Whether the kernel does not unpack modules, or not this kind. */
static bool cannot_unpack(int errnum)
{
    return errnum == EOPNOTSUPP || errnum == EINVAL || errnum == ENOEXEC;
}

/* Loads a file. Returns 0 or -1 with *e. */
static int load_file(const char *path, const char *parameters, struct err *e)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool packed = ends_in(path, ".gz") || ends_in(path, ".xz") || ends_in(path, ".zst");
    const char *why = "";
    long result;

    if (fd < 0)
        return err_set(e, STATUS_NOT_FOUND, errno, "open '%s'", path);
    result = syscall(SYS_finit_module, fd, parameters, packed ? COMPRESSED_FILE : 0);
    if (result < 0 && packed && cannot_unpack(errno)) {
        if (ends_in(path, ".gz"))
            result = load_gzip(path, parameters);
        else
            why = " (the kernel does not unpack it: unpack it in the image)";
    }
    if (result < 0 && errno != EEXIST) /* EEXIST: it is loaded */
        return err_set(e, STATUS_FAILED_PRECONDITION, errno, "load '%s'%s", path, why);
    return 0;
}

static int load_in(const char *dir, struct bytes path, const char *parameters, struct err *e)
{
    char full[PATH_MAX];

    if (path.ptr[0] == '/') /* as depmod writes what lies elsewhere */
        dir = "";
    if (snprintf(full, sizeof full, "%s%s%.*s", dir, *dir ? "/" : "", (int)path.len, path.ptr) >=
        (int)sizeof full)
        return err_set(e, STATUS_INVALID_ARGUMENT, ENAMETOOLONG, "a path in modules.dep");
    return load_file(full, parameters, e);
}

/* Loads what is found, after what it needs. */
static int load_found(const char *dir, struct bytes path, struct bytes needs, const char *parameters,
                      struct err *e)
{
    struct bytes needed;

    for (unsigned n = 0; modules_dep_last(&needs, &needed); n++) {
        if (n == MODULE_NEEDS_MAX)
            return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "it needs more than %d others", MODULE_NEEDS_MAX);
        if (load_in(dir, needed, "", e) < 0)
            return -1;
    }
    return load_in(dir, path, parameters, e);
}

static bool is_built_in(const char *dir, const char *name)
{
    char list[PATH_MAX];
    struct bytes path, needs;

    snprintf(list, sizeof list, "%s/modules.builtin", dir);
    CLEANUP_MAP struct bytes text = map(list, MODULES_DEP_MAX);
    return modules_dep_find(text, name, &path, &needs);
}

int modules_load_one(const char *name, const char *parameters, struct err *e)
{
    struct utsname system;
    char dir[sizeof MODULES_DIR + sizeof system.release], list[sizeof dir + 16];
    struct bytes path, needs;
    int why;

    if (name[0] == '/')
        return load_file(name, parameters, e);
    uname(&system);
    snprintf(dir, sizeof dir, "%s/%s", MODULES_DIR, system.release);
    snprintf(list, sizeof list, "%s/modules.dep", dir);
    CLEANUP_MAP struct bytes text = map(list, MODULES_DEP_MAX);
    why = errno;
    if (modules_dep_find(text, name, &path, &needs))
        return load_found(dir, path, needs, parameters, e);
    if (is_built_in(dir, name))
        return 0;
    if (text.len == 0)
        return err_set(e, STATUS_NOT_FOUND, why, "read '%s'", list);
    return err_set(e, STATUS_NOT_FOUND, 0, "'%s' names no such module", list);
}

void modules_load(const struct config *c, struct boot *b)
{
    struct err e;

    for (const struct config_pair *m = c->modules; m; m = m->next)
        if (modules_load_one(m->name, m->value, &e) < 0)
            boot_problem(b, "module %s: %s", m->name, e.text);
}
