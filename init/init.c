#include "init/init.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "init/crash.h"
#include "init/disks.h"
#include "init/guard.h"
#include "init/handoff.h"
#include "init/machine.h"
#include "init/modules.h"
#include "init/mounts.h"
#include "init/root.h"
#include "init/sysctl.h"
#include "init/volumes.h"

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

/* Once for each line: the command line is read again after a change of the root. */
static void complain(void *arg, const char *where, const struct err *e)
{
    struct init *i = arg;
    char line[ERR_TEXT_MAX + 64];

    snprintf(line, sizeof line, "%s: %s", where, e->text);
    for (unsigned n = 0; n < i->boot->problem_count; n++)
        if (strcmp(i->boot->problems[n], line) == 0)
            return;
    boot_problem(i->boot, "%s", line);
}

static void read_config(struct init *i, const struct init_settings *settings)
{
    config_init(&i->config);
    i->config.in_container = !i->own;
    i->config.complain = complain;
    i->config.complain_arg = i;
    i->config.other = settings->take;
    i->config.other_arg = settings->arg;
    config_read_file(&i->config, CONFIG_FILE);
    config_read_cmdline(&i->config);
    boot_phase(i->boot, "config");
}

static void load_modules(struct init *i)
{
    if (!i->config.modules)
        return;
    modules_load(&i->config, i->boot);
    boot_phase(i->boot, "modules");
}

/* Into another root, whose configuration counts then instead of the one that led there. */
static void change_root(struct init *i, const struct init_settings *settings)
{
    if (!root_change(&i->config, i->own, i->boot))
        return;
    boot_phase(i->boot, "root");
    settings->forget(settings->arg);
    config_clear(&i->config);
    read_config(i, settings);
    load_modules(i);
}

/* Randomness before the machine's id, which may need it. */
static void set_up_machine(struct init *i)
{
    struct err e;

    if (clock_set_at_boot(&i->clock, &e) < 0)
        boot_problem(i->boot, "%s", e.text);
    if (entropy_feed(i->config.seed_file, &i->entropy, &e) < 0)
        boot_problem(i->boot, "%s", e.text);
}

/* Whether the boot itself does: lo comes up with the interfaces of the configuration, and file systems may lie behind it. */
static bool needs_network(const struct init *i)
{
    return i->config.nets || i->config.mounts;
}

/* What programs take for granted: links of /dev, and lo. */
static void prepare(struct init *i)
{
    mounts_links(i->boot);
    if (!needs_network(i))
        network_up(&i->network, &i->config, i->boot);
}

/* What waits until somebody has an answer, or there is to be a program. */
static void rest(struct boot *b, void *arg)
{
    struct init *i = arg;

    if (!i->config.handoff)
        prepare(i);
    guard_self(b);
    boot_phase(b, "programs");
}

void init_boot(struct init *i, struct boot *boot, const struct init_settings *settings)
{
    sigset_t ends;

    i->boot = boot;
    sigemptyset(&ends);
    end_signals(&ends);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* one that comes meanwhile waits until somebody watches */
    crash_catch();
    mounts_early(boot);
    init_early(); /* /dev may have the console only now */
    i->own = machine_take();
    crash_let_panic_restart(i->own, boot);
    boot_phase(boot, "mounts");
    read_config(i, settings);
    load_modules(i);
    change_root(i, settings);
    sysctl_apply(&i->config, boot);
    if (i->own)
        set_up_machine(i);
    names_set(&i->names, &i->config, boot, i->own);
    if (needs_network(i))
        network_up(&i->network, &i->config, boot);
    boot_phase(boot, "network");
    if (i->own) /* a container has one, with what its runtime has put there */
        mounts_tmp(&i->config, boot);
    volumes_mount(&i->config, boot); /* behind the network: some lie there */
    boot_phase(boot, "volumes");
    if (i->config.handoff) {
        prepare(i);
        handoff_to(i->config.handoff, boot);
    }
    boot->rest = rest;
    boot->rest_arg = i;
}

void init_environment(struct init *i, struct settings *settings)
{
    struct err e;

    for (const struct config_word *w = i->config.env; w; w = w->next) {
        size_t n = strcspn(w->text, "=");
        CLEANUP_FREE char *name = strndup(w->text, n);

        if (!name || settings_set_internal(settings, name, w->text + n + 1, &e) < 0)
            boot_problem(i->boot, "env: out of memory");
    }
}

static void on_leased(void *arg, const struct dhcp_lease *lease)
{
    struct init *i = arg;

    names_take_lease(&i->names, lease);
    if (i->online)
        i->online(i->online_arg);
}

/* What was done before there was a log. */
static void log_machine(const struct init *i)
{
    if (i->clock.source)
        log_info("clock.follow", LOG_STR("clock.source", i->clock.source),
                 LOG_INT("clock.offset_ms", i->clock.offset_ms));
    if (i->entropy.hwrng_bytes + i->entropy.seed_bytes > 0)
        log_info("entropy.fed", LOG_INT("entropy.hwrng_bytes", i->entropy.hwrng_bytes),
                 LOG_INT("entropy.seed_bytes", i->entropy.seed_bytes));
}

void init_listening(struct init *i, struct loop *loop, struct jobs *jobs, struct execs *execs,
                    struct settings *settings, const char *version)
{
    log_machine(i);
    i->names.jobs = jobs;
    network_serve(&i->network, loop, on_leased, i);
    starts_begin(&i->starts, execs, settings, i->boot, i->config.starts);
    if (i->config.ready_port)
        boot_finish(i->boot); /* the host hears of all phases */
    ready_start(&i->ready, loop, i->boot, version, i->config.ready_port);
}

void init_end(struct init *i, enum end how)
{
    unsigned busy = 0;
    bool over = disks_let_go(i->own, SHUTDOWN_DISKS_MS, &busy);

    ready_end(&i->ready, how,
              !over      ? "late"
              : !i->own  ? "shared"
              : busy > 0 ? "busy"
                         : "clean",
              SHUTDOWN_TOLD_MS);
    end_machine(how);
}
