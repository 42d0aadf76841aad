#include "init/root.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "init/devices.h"
#include "init/filesystem.h"
#include "init/switch_root.h"

#define NEW_ROOT "/run/guestd/root"

/* Finds a device and mounts it. */
static int mount_device(const struct config_root *r, const char *source, const char *target, const char *type,
                        struct mount_options *o, struct err *e)
{
    char path[DEVICE_PATH_MAX];

    if (filesystem_mkdirs(target, e) < 0 || device_find(source, r->wait_ms, path, e) < 0)
        return -1;
    return filesystem_mount(path, target, type, o, e);
}

static int mount_root(const struct config_root *r, const char *target, struct err *e)
{
    struct mount_options o = {.flags = r->writable && !r->overlay ? 0 : MS_RDONLY};

    if (mount_options_parse(r->options, &o, e) < 0)
        return -1;
    if (r->overlay)
        o.flags |= MS_RDONLY; /* whatever the options say: the upper layer takes what is written */
    return mount_device(r, r->device, target, r->type, &o, e);
}

/* What is the root already, seen without what is mounted in it. */
static int bind_root(struct err *e)
{
    static const struct mount_options o = {.flags = MS_BIND | MS_RDONLY};

    return filesystem_mkdirs(ROOT_LOWER, e) < 0 ? -1 : filesystem_mount("/", ROOT_LOWER, NULL, &o, e);
}

static int mount_upper(const struct config_root *r, struct err *e)
{
    struct mount_options o = {0};

    if (strcmp(r->overlay, "tmpfs") != 0)
        return mount_device(r, r->overlay, ROOT_UPPER, NULL, &o, e);
    strcpy(o.data, "mode=0755");
    return filesystem_mkdirs(ROOT_UPPER, e) < 0 ? -1 : filesystem_mount("tmpfs", ROOT_UPPER, "tmpfs", &o, e);
}

/* Lays the overlay at NEW_ROOT over what is mounted at ROOT_LOWER. */
static int mount_overlay(const struct config_root *r, struct err *e)
{
    static const struct mount_options o = {.data = "lowerdir=" ROOT_LOWER ",upperdir=" ROOT_UPPER
                                                   "/upper,workdir=" ROOT_UPPER "/work"};

    if (mount_upper(r, e) < 0 || filesystem_mkdirs(ROOT_UPPER "/upper", e) < 0 ||
        filesystem_mkdirs(ROOT_UPPER "/work", e) < 0 || filesystem_mkdirs(NEW_ROOT, e) < 0)
        return err_wrap(e, "overlay");
    return filesystem_mount("overlay", NEW_ROOT, "overlay", &o, e);
}

static int change(const struct config_root *r, bool initramfs, struct boot *b, struct err *e)
{
    if (!initramfs) {
        if (bind_root(e) < 0)
            return -1;
    } else if (mount_root(r, r->overlay ? ROOT_LOWER : NEW_ROOT, e) < 0) {
        return -1;
    }
    if (r->overlay && mount_overlay(r, e) < 0)
        return -1;
    return switch_root(NEW_ROOT, initramfs, b, e);
}

bool root_change(const struct config *c, bool own, struct boot *b)
{
    static const char *const mounted[] = {NEW_ROOT, ROOT_UPPER, ROOT_LOWER};
    const struct config_root *r = &c->root;
    struct statfs fs;
    struct err e;
    bool initramfs;

    if (!own || (!r->device && !r->overlay) || statfs("/", &fs) < 0)
        return false;
    initramfs = fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC;
    if (initramfs ? !r->device : !r->overlay || fs.f_type == OVERLAYFS_SUPER_MAGIC)
        return false;
    if (change(r, initramfs, b, &e) == 0)
        return true;
    boot_problem(b, "root %s: %s; going on in the %s", r->device ? r->device : "/", e.text,
                 initramfs ? "initramfs" : "root without an overlay");
    for (size_t i = 0; i < ARRAY_LEN(mounted); i++)
        umount2(mounted[i], MNT_DETACH);
    return false;
}
