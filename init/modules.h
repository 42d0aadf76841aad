/* Kernel modules, without modprobe(8): names are looked up in /lib/modules/RELEASE/modules.dep, what a module needs is loaded
 * before it, and files go to finit_module(2). Compressed ones (.gz, .xz, .zst) are unpacked by a kernel that can
 * (CONFIG_MODULE_DECOMPRESS, Linux 5.17); for one that cannot .gz is unpacked here.
 *
 * Aliases, soft dependencies and /etc/modules-load.d are not followed: an image of ours names what it needs in one place.
 * Sources: init_module(2), depmod(8), modules.dep(5), kernel/module/{main,decompress}.c. */
#ifndef INIT_MODULES_H
#define INIT_MODULES_H

#include "guest/boot.h"
#include "init/config.h"

/* Loads the modules of the configuration, in its order. One that fails is a problem of the boot. */
void modules_load(const struct config *c, struct boot *b);

/* Loads a module by its name, and what it needs, or by the path of its file; parameters are as "a=1 b=2". One that is loaded
 * already or built in is fine. Returns 0, or -1 with *e. */
int modules_load_one(const char *name, const char *parameters, struct err *e);

#endif
