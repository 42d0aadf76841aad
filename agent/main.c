/* guestd: wiring. What is called here, in this order, is the agent. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <termios.h>
#include <unistd.h>

#include "askpass.h"
#include "core/build.h"
#include "core/clock.h"
#include "core/fd.h"
#include "core/image.h"
#include "core/limits.h"
#include "doors.h"
#include "files/files.h"
#include "flags.h"
#include "git/git_service.h"
#include "guest/check.h"
#include "init/entrypoint.h"
#include "init/init.h"
#include "init/machine.h"
#include "process/process_service.h"
#include "rpc/health.h"
#include "rpc/reflection.h"
#include "stacyvm/stacyvm.h"
#include "stop.h"
#include "system/version.h"

enum { EXIT_LACKING = 1, EXIT_USAGE = 2 };

/* Everything there is, once. It lives as long as the process. Last is what is large and mostly stays zero: no page is given for it. */
static struct agent {
    struct flags flags;
    bool booted; /* we were the machine's init, and are, or have handed that on */
    bool pid1;
    struct boot boot;
    struct loop loop;
    struct seg_pool pool, in_pool;
    ev_timer trim, started;
    struct jobs *spawners, *workers;
    struct cgroups cgroups;
    struct lowfds lowfds;
    struct settings settings;
    struct execs execs;
    struct freezer freezer;
    struct net net;
    struct http http;
    struct rpc rpc;
    struct process_service process;
    struct files files;
    struct git_service git;
    struct system system;
    struct stacyvm stacyvm;
    struct entrypoint entrypoint;
    struct stop stop;
    struct doors doors;
    struct init init;
} agent;

/* --- what we inherit ------------------------------------------------------------------------- */

/* Descriptors 0 to 2 exist, all others close at exec: a child gets its own and nothing else. SIGPIPE, which an ignored
 * disposition would hand to every child, is blocked instead. What else we were started with ignored stays so for us, as nohup(1)
 * wants it, and is undone in each child. */
static void clean_surroundings(void)
{
    sigset_t set;

    while (fcntl(STDERR_FILENO, F_GETFD) < 0 && open("/dev/null", O_RDWR) >= 0)
        ;
    fd_cloexec_from(3);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    if (agent.pid1)
        end_signals(&set); /* one that comes before they are watched must wait, not be lost */
    sigprocmask(SIG_SETMASK, &set, NULL);
    umask(022);
}

/* One arena, no growing thresholds: what is freed goes back soon. */
static void tune_malloc(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, 64 * KIB);
    mallopt(M_MMAP_THRESHOLD, 128 * KIB);
}

/* What children must not get of us. */
static struct spawn_surroundings surroundings(void)
{
    struct spawn_surroundings s = {.cgroups = &agent.cgroups, .uid = geteuid()};
    struct rlimit more;

    s.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    s.low = &agent.lowfds;
    lowfds_init(s.low, s.null_fd);
    /* PID 1 gives itself another before the first program. */
    s.reset_nice = agent.booted || getpriority(PRIO_PROCESS, 0) != 0;
    getrlimit(RLIMIT_NOFILE, &s.nofile);
    more = s.nofile;
    if (more.rlim_max != RLIM_INFINITY && more.rlim_max < FDS_MAX)
        more.rlim_max = FDS_MAX;
    more.rlim_cur = FDS_MAX;
    if (setrlimit(RLIMIT_NOFILE, &more) < 0) { /* not allowed to raise the hard limit: up to it then */
        more.rlim_max = s.nofile.rlim_max;
        more.rlim_cur = MIN(more.rlim_max, (rlim_t)FDS_MAX);
        setrlimit(RLIMIT_NOFILE, &more);
    }
    s.reset_nofile = true;
    return s;
}

/* --- memory that is shared ------------------------------------------------------------------- */

/* Of each small size glibc keeps up to 7 freed chunks for the next malloc. After a busy time they lie all over what was a
 * large heap, and each keeps its page. All of them are taken out, and as many that lie together put in their place. */
static void compact_heap(void)
{
    enum { SIZES = 64, CHUNKS = 2 * 7, SMALLEST = 24, STEP = 16 }; /* malloc caches 7 of each size */
    void *chunks[SIZES][CHUNKS];

    malloc_trim(0); /* the little pieces become large ones again: new chunks come from these, side by side */
    for (size_t i = 0; i < SIZES; i++)
        for (size_t k = 0; k < CHUNKS; k++)
            chunks[i][k] = malloc(SMALLEST + i * STEP);
    for (size_t i = 0; i < SIZES; i++)
        for (size_t k = CHUNKS; k-- > 0;)
            free(chunks[i][k]);
    malloc_trim(64 * KIB);
}

/* While output flows what is free stays as warm as it is worth; when nothing was taken for a while, all goes back. */
static void on_trim(struct ev_loop *ev, ev_timer *w, int revents)
{
    static uint32_t taken;
    uint32_t now = agent.pool.taken + agent.in_pool.taken;
    size_t keep = now == taken ? 0 : SEG_WARM_BYTES;

    (void)ev;
    (void)revents;
    taken = now;
    seg_pool_trim(&agent.pool, keep);
    seg_pool_trim(&agent.in_pool, keep);
    if (keep > 0) {
        loop_timer(&agent.loop, w, TRIM_MS);
        return;
    }
    compact_heap();
    image_forget();
}

/* The start is over: half of the program's code is not needed any more. */
static void on_started(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)w;
    (void)revents;
    boot_finish(&agent.boot);
    image_forget();
}

/* More free segments than are worth keeping: a little later they go, if they are still too many. */
static void on_excess(struct seg_pool *pool, void *arg)
{
    (void)pool;
    (void)arg;
    if (!ev_is_active(&agent.trim))
        loop_timer(&agent.loop, &agent.trim, TRIM_MS);
}

static void on_output_memory(struct seg_pool *pool, void *arg)
{
    (void)pool;
    (void)arg;
    execs_memory_free(&agent.execs);
    http_memory_free(&agent.http);
}

static void on_input_memory(struct seg_pool *pool, void *arg)
{
    (void)pool;
    (void)arg;
    net_body_memory_free(&agent.net);
}

static int open_pools(struct err *e)
{
    struct sysinfo info;
    uint64_t ram = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 1u << 30;
    size_t out =
        agent.flags.ring_total ? agent.flags.ring_total : (size_t)MIN((uint64_t)RING_TOTAL_MAX, ram / 16);
    size_t in = (size_t)MIN((uint64_t)REQUEST_TOTAL_MAX, ram / 4);

    if (seg_pool_init_two(&agent.pool, out, &agent.in_pool, in) < 0)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "reserve memory");
    agent.pool.on_excess = agent.in_pool.on_excess = on_excess;
    agent.pool.on_free = on_output_memory;
    agent.in_pool.on_free = on_input_memory;
    ev_init(&agent.trim, on_trim);
    return 0;
}

/* --- the end --------------------------------------------------------------------------------- */

/* StacyVM's host wants the machine to end. */
static void shut_down(void)
{
    stop_begin(&agent.stop, SIGTERM);
}

/* --- the beginning --------------------------------------------------------------------------- */

/* Reads the token of --token-file: its first line. */
static int read_token(struct err *e)
{
    const char *path = agent.flags.token_file;
    CLEANUP_FD int fd = -1;
    char token[4096];
    ssize_t n;

    if (!path)
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? RETRY_EINTR(read(fd, token, sizeof token - 1)) : -1;
    if (n < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, errno, "token file '%s'", path);
    token[n] = 0;
    token[strcspn(token, "\r\n")] = 0;
    if (!*token)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "token file '%s' is empty", path);
    n = settings_set_token(&agent.settings, token, e);
    explicit_bzero(token, sizeof token);
    return (int)n;
}

static int open_settings(struct err *e)
{
    const struct flags *f = &agent.flags;
    char self[16];

    snprintf(self, sizeof self, "%u",
             geteuid()); /* an unprivileged agent can run its own user's processes only */
    if (settings_init(&agent.settings,
                      f->default_user  ? f->default_user
                      : geteuid() == 0 ? "root"
                                       : self,
                      e) < 0)
        return -1;
    agent.settings.require_token = f->require_token;
    settings_remember(&agent.settings, f->run_dir       ? f->run_dir
                                       : geteuid() == 0 ? "/run/guestd"
                                                        : "/tmp/guestd");
    if (agent.booted)
        init_environment(&agent.init, &agent.settings);
    if (read_token(e) == 0)
        return 0;
    if (!agent.booted)
        return -1;
    boot_problem(&agent.boot, "%s", e->text);
    agent.settings.require_token = true; /* not open for want of the token that was to close it */
    return 0;
}

static int open_guest(struct err *e)
{
    const struct flags *f = &agent.flags;
    struct spawn_surroundings around = surroundings();

    agent.spawners = jobs_new(&agent.loop, &(struct jobs_config){"spawn", SPAWN_THREADS, 0, SPAWN_QUEUE_MAX});
    agent.workers = jobs_new(&agent.loop,
                             &(struct jobs_config){"worker", WORKER_THREADS, WORKER_EXTRA, WORKER_QUEUE_MAX});
    if (!agent.spawners || !agent.workers)
        return err_nomem(e, "start");
    cgroups_init(&agent.cgroups, &agent.loop, agent.workers, f->cgroups, f->cgroup_root, agent.pid1);
    if (execs_init(&agent.execs, &agent.loop, &agent.pool, agent.spawners, &agent.cgroups, &around,
                   f->ring ? f->ring : RING_MAX, e) < 0)
        return -1;
    agent.execs.kill_leader = f->kill_leader;
    agent.execs.boot = &agent.boot;
    if (freezer_init(&agent.freezer, &agent.loop, &agent.execs) < 0)
        return err_nomem(e, "start");
    return 0;
}

static int open_services(struct err *e)
{
    http_init(&agent.http, &agent.net);
    rpc_init(&agent.rpc, &agent.http, &agent.loop, &agent.pool);
    if (health_register(&agent.rpc) < 0 || reflection_register(&agent.rpc) < 0 ||
        process_service_init(&agent.process, &agent.rpc, &agent.execs, &agent.settings) < 0 ||
        files_init(&agent.files, &agent.rpc, &agent.settings, agent.workers, agent.flags.files_as_user) < 0 ||
        git_service_init(&agent.git, &agent.rpc, &agent.execs, agent.workers, &agent.settings) < 0 ||
        system_init(&agent.system, &agent.rpc, &agent.settings, &agent.execs, &agent.freezer, agent.workers,
                    &agent.boot, agent.flags.compat) < 0)
        return err_nomem(e, "register the services");
    stacyvm_init(&agent.stacyvm, &agent.execs, &agent.files.workers, &agent.settings,
                 (uint64_t)agent.flags.stacyvm_timeout_s * 1000, shut_down);
    return 0;
}

/* Hosts of the product that we were named after, or told, find what their own agent shows. */
static int open_identity(struct err *e)
{
    const struct flags *f = &agent.flags;

    return f->envd || f->compat_named ? identity_wear(&agent.system.identity, !f->isnotfc, e) : 0;
}

/* The entrypoint's program has ended: so do we, in order. */
static void on_command_ended(struct entrypoint *p)
{
    (void)p;
    stop_begin(&agent.stop, SIGTERM);
}

static bool is_command(void *arg, pid_t pid, int status)
{
    return entrypoint_reaped(arg, pid, status);
}

static int watch_command(struct err *e)
{
    if (!agent.flags.command)
        return 0;
    if (entrypoint_init(&agent.entrypoint, &agent.loop, e) < 0)
        return -1;
    agent.entrypoint.ended = on_command_ended;
    agent.entrypoint.guarded = agent.booted;
    agent.execs.is_others = is_command;
    agent.execs.others = &agent.entrypoint;
    return 0;
}

static void on_stop(struct stop *s)
{
    (void)s;
    if (agent.booted)
        starts_stop(&agent.init.starts);
}

static int watch_signals(struct err *e)
{
    agent.stop = (struct stop){
        .loop = &agent.loop,
        .net = &agent.net,
        .execs = &agent.execs,
        .freezer = &agent.freezer,
        .keep_processes = agent.flags.keep_processes && !agent.pid1,
        .pid1 = agent.pid1,
        .drains = agent.pid1,
        .limit_ms = agent.init.config.shutdown_ms,
        .rest_ms = agent.pid1 && agent.booted ? SHUTDOWN_DISKS_MS + SHUTDOWN_TOLD_MS : 0,
        .begun = on_stop,
    };
    return watch_command(e) < 0 ? -1 : stop_init(&agent.stop, !agent.flags.command, e);
}

static int open_agent(struct err *e)
{
    if (loop_init(&agent.loop) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "event loop");
    if (open_pools(e) < 0 || open_settings(e) < 0 || open_guest(e) < 0)
        return -1;
    net_init(&agent.net, &agent.loop, &agent.pool, &agent.in_pool, agent.flags.max_connections);
    if (open_services(e) < 0 || open_identity(e) < 0 || watch_signals(e) < 0)
        return -1;
    return doors_open(&agent.doors, &agent.flags, &agent.net, &agent.http, &agent.stacyvm, &agent.settings,
                      agent.workers, agent.booted ? &agent.boot : NULL, e);
}

/* There may be a way to the metadata service now. */
static void on_online(void *arg)
{
    (void)arg;
    identity_look(&agent.system.identity);
}

/* What waits until the agent listens. */
static int begin(struct err *e)
{
    boot_phase(&agent.boot, "listen");
    log_info("agent.start", LOG_STR("service.version", build_version()), LOG_INT("process.pid", getpid()));
    if (agent.booted) {
        agent.init.online = on_online;
        init_listening(&agent.init, &agent.loop, agent.workers, &agent.execs, &agent.settings,
                       build_version());
    }
    if (agent.flags.command)
        boot_finish(&agent.boot);
    identity_look(&agent.system.identity);
    ev_init(&agent.started, on_started);
    loop_timer(&agent.loop, &agent.started, TRIM_MS);
    return agent.flags.command
               ? entrypoint_start(&agent.entrypoint, agent.flags.command, &agent.execs.around.nofile, e)
               : 0;
}

/* What only prints. Returns true when that was all; *status is the one to exit with. */
static bool print_and_leave(int *status)
{
    const struct flags *f = &agent.flags;

    *status = 0;
    if (f->help)
        flags_print_help();
    else if (f->limits)
        flags_print_limits();
    else if (f->check)
        *status = check_print(stdout) > 0 ? EXIT_LACKING : 0;
    else if (f->version)
        version_print(stdout);
    else if (f->commit)
        puts(build_commit());
    else if (f->told_version && open_services(NULL) == 0)
        puts(version_told(&agent.http, agent.flags.compat));
    else
        return false;
    return true;
}

/* Says why it cannot start. The kernel panics when its init ends, and a serial console would lose the line. */
static int give_up(const struct err *e)
{
    fprintf(stderr, "guestd: %s\n", e->text);
    if (agent.pid1)
        tcdrain(STDERR_FILENO);
    return EXIT_USAGE;
}

/* The early work of a machine's first process. A container has it done by others. */
static void boot(int argc, char **argv)
{
    agent.booted = getpid() == 1 && !(flags_have_command(argc, argv) && machine_is_shared());
    if (agent.booted)
        init_early(); /* the console, before anything can fail */
    boot_begin(&agent.boot);
    flags_init(&agent.flags, argc > 0 ? argv[0] : NULL);
    if (agent.booted)
        init_boot(&agent.init, &agent.boot,
                  &(struct init_settings){flags_take_setting, flags_forget_settings, &agent.flags});
    agent.pid1 = getpid() == 1; /* or it is another's by now */
}

int main(int argc, char **argv)
{
    const char *helper = getenv(ASKPASS_VARIABLE);
    struct err e;
    int status;

    if (helper && getpid() != 1) /* the kernel gives init what its command line holds: init it stays */
        return askpass_main(helper, argc, argv);
    boot(argc, argv);
    if (flags_parse(&agent.flags, argc, argv, agent.booted ? &agent.boot : NULL, &e) < 0)
        return give_up(&e);
    if (!agent.booted && print_and_leave(&status))
        return status;
    clean_surroundings();
    tune_malloc();
    log_init(agent.flags.log_level, agent.flags.log_format, agent.booted || agent.flags.command);
    if (open_agent(&e) < 0 || begin(&e) < 0)
        return give_up(&e);
    loop_run(&agent.loop);
    cgroups_destroy(&agent.cgroups);
    if (agent.booted && agent.pid1)
        init_end(&agent.init, agent.stop.how);
    return agent.entrypoint.status;
}
