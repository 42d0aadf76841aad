#include "init/init.h"

#include <fcntl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "init/crash.h"
#include "init/disks.h"
#include "init/guard.h"
#include "init/handoff.h"
#include "init/machine.h"
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
    sigset_t ends;

    i->boot = boot;
    sigemptyset(&ends);
    end_signals(&ends);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* one that comes meanwhile waits until somebody watches */
    crash_catch();
    mounts_early(boot);
    crash_let_panic_restart(boot);
    boot_phase(boot, "mounts");
    config_init(&i->config);
    i->config.complain = complain;
    i->config.complain_arg = i;
    i->config.other = other;
    i->config.other_arg = arg;
    config_read_file(&i->config, CONFIG_FILE);
    config_read_cmdline(&i->config);
    boot_phase(boot, "config");
    reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del becomes SIGINT to us, instead of a reboot that syncs nothing */
    if (i->config.handoff)
        handoff_to(i->config.handoff, boot);
    guard_self(boot);
}

void init_settings(struct init *i, struct settings *settings)
{
    struct err e;

    for (const struct config_word *w = i->config.env; w; w = w->next) {
        size_t n = strcspn(w->text, "=");
        CLEANUP_FREE char *name = strndup(w->text, n);

        if (!name || settings_set_internal(settings, name, w->text + n + 1, &e) < 0)
            boot_problem(i->boot, "env: out of memory");
    }
}

void init_listening(struct init *i, struct loop *loop, struct execs *execs, struct settings *settings,
                    const char *version)
{
    starts_begin(&i->starts, execs, settings, i->boot, i->config.starts);
    ready_start(&i->ready, loop, i->boot, version, i->config.ready_port);
}

void init_end(struct init *i, enum end how)
{
    bool ours = machine_is_ours();
    unsigned busy = 0;
    bool over = disks_let_go(ours, SHUTDOWN_DISKS_MS, &busy);

    ready_end(&i->ready, how,
              !over      ? "late"
              : !ours    ? "shared"
              : busy > 0 ? "busy"
                         : "clean",
              SHUTDOWN_TOLD_MS);
    end_machine(how);
}
