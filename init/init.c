#include "init/init.h"

#include <fcntl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "init/mounts.h"

void init_early(void)
{
    int fd;

    if (fcntl(STDERR_FILENO, F_GETFD) >= 0)
        return;
    fd = open("/dev/console", O_RDWR | O_NOCTTY);
    for (int i = 0; fd >= 0 && i < 3; i++)
        if (fd != i)
            dup2(fd, i);
    if (fd > 2)
        close(fd);
}

static void complain(void *arg, const char *where, const struct err *e)
{
    struct init *i = arg;

    boot_problem(i->boot, "%s: %s", where, e->text);
}

void init_boot(struct init *i, struct boot *boot,
               int (*other)(void *arg, const char *key, char **words, unsigned count, struct err *e),
               void *arg)
{
    i->boot = boot;
    mounts_early(boot);
    boot_phase(boot, "mounts");
    config_init(&i->config);
    i->config.complain = complain;
    i->config.complain_arg = i;
    i->config.other = other;
    i->config.other_arg = arg;
    config_read_file(&i->config, CONFIG_FILE);
    config_read_cmdline(&i->config);
    boot_phase(boot, "config");
    mounts_tmp(&i->config, boot);
    reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del becomes SIGINT to us, instead of a reboot that syncs nothing */
}
