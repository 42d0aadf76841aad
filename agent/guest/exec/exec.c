#include "guest/exec/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/signame.h"

/* --- the table ------------------------------------------------------------------------------- */

static void on_check(struct task *t);

static unsigned bucket(pid_t pid)
{
    return (unsigned)pid % EXEC_PID_BUCKETS;
}

struct exec *exec_by_pid(const struct execs *t, pid_t pid)
{
    struct exec *x;

    LIST_FOREACH (x, &t->pids[bucket(pid)], by_pid)
        if (x->pid == pid)
            return x;
    return NULL;
}

struct exec *exec_by_tag(const struct execs *t, const char *tag)
{
    struct exec *x;

    TAILQ_FOREACH_REVERSE(x, &t->live, exec_list, link)
    if (x->state != EXEC_SPAWNING && x->spec->tag && strcmp(x->spec->tag, tag) == 0)
        return x;
    return NULL;
}

struct exec *exec_by_id(const struct execs *t, uint64_t id)
{
    struct exec *x;

    TAILQ_FOREACH (x, &t->live, link)
        if (x->id == id && x->state != EXEC_SPAWNING)
            return x;
    TAILQ_FOREACH (x, &t->lingering, link)
        if (x->id == id)
            return x;
    return NULL;
}

struct exec *exec_by_key(const struct execs *t, const char *key)
{
    struct exec *x;

    TAILQ_FOREACH (x, &t->live, link)
        if (x->key && strcmp(x->key, key) == 0)
            return x;
    TAILQ_FOREACH (x, &t->lingering, link)
        if (x->key && strcmp(x->key, key) == 0)
            return x;
    return NULL;
}

/* A new process that is being spawned as the spec says; NULL: out of memory. */
static struct exec *exec_new(struct execs *t, const struct exec_spec *spec, enum cgroup_class class)
{
    struct exec *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->table = t;
    x->ticket = ticket_new(&t->tickets, x);
    if (!x->ticket) {
        free(x);
        return NULL;
    }
    x->id = t->next_id++;
    x->state = EXEC_SPAWNING;
    x->class = class;
    x->cut = UINT64_MAX;
    snprintf(x->leaf_name, sizeof x->leaf_name, "%016llx", (unsigned long long)x->id);
    TAILQ_INIT(&x->subs);
    x->pty = spec->pty;
    x->max_output = spec->max_output;
    x->keep_tail = spec->keep_tail && spec->max_output > 0;
    x->transient = spec->transient;
    x->key = spec->key; /* as long as the spec lives, so does this */
    x->check.run = on_check;
    exec_signal_init(x);
    exec_output_init(x);
    exec_input_init(x);
    TAILQ_INSERT_TAIL(&t->live, x, link);
    t->count++;
    return x;
}

static void exec_free(struct exec *x)
{
    struct execs *t = x->table;
    struct exec_sub *s;

    while ((s = TAILQ_FIRST(&x->subs)))
        exec_unsubscribe(s);
    timerq_clear(&t->spawn_timeouts, &x->spawn_timeout);
    timerq_clear(&t->kept, &x->kept);
    exec_signal_stop(x);
    exec_input_stop(x);
    exec_output_stop(x);
    loop_cancel(t->loop, &x->check);
    ticket_drop(&t->tickets, x->ticket);
    if (x->state == EXEC_CLOSED) {
        free((char *)(uintptr_t)x->key);
        TAILQ_REMOVE(&t->lingering, x, link);
        t->lingering_count--;
    } else {
        TAILQ_REMOVE(&t->live, x, link);
        if (x->state != EXEC_SPAWNING)
            LIST_REMOVE(x, by_pid);
    }
    if (x->leaf)
        cgroup_leaf_remove(t->cgroups, x->class, x->leaf_name);
    t->count--;
    exec_spec_free(x->spec);
    free(x);
}

/* --- spawning -------------------------------------------------------------------------------- */

/* It never became a process: its subscriber hears why. */
static void spawn_failed(struct exec *x, const struct err *e, enum spawn_stage stage, const char *object)
{
    struct exec_sub *s;

    x->table->failed++;
    log_info("process.failed", LOG_STR("process.stage", spawn_stage_name(stage)),
             LOG_STR("error.type", e->errnum ? errno_text(e->errnum) : status_name(e->status)));
    while ((s = TAILQ_FIRST(&x->subs))) {
        exec_unsubscribe(s);
        s->events->failed(s, e, stage, object);
    }
    exec_free(x);
}

static void on_reaped(struct exec *x, int status, const struct rusage *usage);

static void spawn_succeeded(struct exec *x, struct spawn *s)
{
    struct execs *t = x->table;
    struct exec_sub *sub, *next;

    exec_past_forget(t, s->pid, s->spec->tag);
    x->spec = TAKE(s->spec);
    x->pid = s->pid;
    x->state = EXEC_RUNNING;
    x->exit.started = clock_wall();
    x->started_ns = clock_mono_ns();
    t->started++;
    LIST_INSERT_HEAD(&t->pids[bucket(x->pid)], x, by_pid);
    exec_output_start(x, s);
    exec_input_start(x, s);
    if (x->spec->timeout_ms)
        loop_timer(t->loop, &x->deadline, x->spec->timeout_ms);
    log_info("process.start", LOG_INT("process.pid", x->pid), LOG_INT("process.exec_id", x->id));
    TAILQ_FOREACH_SAFE (sub, &x->subs, link, next)
        sub->events->started(sub);
    if (x->doomed)
        exec_kill(x);
    if (s->reaped)
        on_reaped(x, s->status, &s->rusage);
}

/* Nobody waits for it any more (it took too long): what came of it goes. */
static void spawn_abandoned(struct execs *t, struct spawn *s)
{
    if (s->stage == SPAWN_OK && !s->reaped)
        kill(s->pid, SIGKILL);
    if (s->leaf_made) {
        cgroup_leaf_kill(t->cgroups, s->class, s->id);
        cgroup_leaf_remove(t->cgroups, s->class, s->id);
    }
}

static void spawn_done(struct job *j)
{
    struct spawn *s = CONTAINER_OF(j, struct spawn, job);
    struct execs *t = s->table;
    struct exec *x = ticket_find(&t->tickets, s->ticket);

    LIST_REMOVE(s, link);
    cgroups_tell(t->cgroups);
    if (!x) {
        spawn_abandoned(t, s);
    } else {
        timerq_clear(&t->spawn_timeouts, &x->spawn_timeout);
        x->spawn = NULL;
        x->leaf = s->leaf_made;
        if (s->stage == SPAWN_OK)
            spawn_succeeded(x, s);
        else
            spawn_failed(x, &s->error, s->stage, s->object);
    }
    spawn_free(s);
}

/* The child hangs before its program runs: in chdir, in execve, in a frozen cgroup. The thread that waits for
 * it comes back when it dies, if it can. */
static void on_spawn_timeout(struct timerq *q, struct timerq_entry *entry)
{
    struct exec *x = CONTAINER_OF(entry, struct exec, spawn_timeout);
    pid_t pid = __atomic_load_n(&x->spawn->pid, __ATOMIC_ACQUIRE);
    struct err e;

    (void)q;
    if (x->table->gate_shut) { /* it hangs because it was told to */
        timerq_set(&x->table->spawn_timeouts, entry);
        return;
    }
    if (pid > 0 && !x->spawn->reaped)
        kill(pid, SIGKILL);
    /* The spec is only read by the worker, so it may be read here too. */
    err_set(&e, STATUS_DEADLINE_EXCEEDED, 0,
            "error starting process '%s' in '%s': it did not start within %d s", x->spawn->spec->cmd,
            x->spawn->spec->cwd ? x->spawn->spec->cwd : "~", SPAWN_TIMEOUT_MS / 1000);
    spawn_failed(x, &e, SPAWN_TIMEOUT, "");
}

int exec_start(struct execs *t, struct exec_spec *spec, struct guest_env *env, struct exec_sub *sub,
               const struct exec_sub_events *events, struct err *e)
{
    enum cgroup_class class = spec->pty ? CGROUP_PTYS : CGROUP_USER;
    struct spawn *s;
    struct exec *x;

    if (!t->cgroups->wanted || spec->in_agent_cgroup)
        class = CGROUP_NONE;
    if (t->stopping) {
        exec_spec_free(spec);
        return err_set(e, STATUS_FAILED_PRECONDITION, 0, "agent is shutting down");
    }
    if (t->count - MIN(t->lingering_count, LINGER_MAX) >= PROCESSES_MAX) {
        exec_spec_free(spec);
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%d processes are running already", PROCESSES_MAX);
    }
    if (t->boot)
        boot_finish(t->boot);
    s = spawn_new(&t->around, spec, env, class);
    if (!s) {
        exec_spec_free(spec);
        return err_nomem(e, "start a process");
    }
    x = exec_new(t, spec, class);
    if (!x) {
        spawn_free(s);
        return err_nomem(e, "start a process");
    }
    s->table = t;
    s->job.done = spawn_done;
    s->ticket = x->ticket;
    memcpy(s->id, x->leaf_name, sizeof s->id);
    if (exec_gate_pass(x, s, e) < 0) {
        spawn_free(s);
        exec_free(x);
        return -1;
    }
    x->spawn = s;
    LIST_INSERT_HEAD(&t->spawning, s, link);
    return exec_subscribe(x, sub, events, 0, e);
}

/* --- the end --------------------------------------------------------------------------------- */

static uint64_t microseconds(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static struct exec_usage usage_of(const struct rusage *r)
{
    return (struct exec_usage){
        .user_us = microseconds(r->ru_utime),
        .system_us = microseconds(r->ru_stime),
        .max_rss_kib = (uint64_t)r->ru_maxrss,
        .minor_faults = (uint64_t)r->ru_minflt,
        .major_faults = (uint64_t)r->ru_majflt,
        .voluntary_switches = (uint64_t)r->ru_nvcsw,
        .involuntary_switches = (uint64_t)r->ru_nivcsw,
    };
}

static void on_reaped(struct exec *x, int status, const struct rusage *usage)
{
    struct exec_exit *r = &x->exit;
    struct exec_sub *s, *next;

    x->state = EXEC_EXITED;
    r->ended = clock_wall();
    r->duration_ns = clock_mono_ns() - x->started_ns;
    r->usage = usage_of(usage);
    r->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    r->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    r->core = WIFSIGNALED(status) && WCOREDUMP(status);
    r->oom = r->signal == SIGKILL && x->leaf && cgroup_leaf_oom(x->table->cgroups, x->class, x->leaf_name);
    exec_signal_leader_gone(x);
    log_info("process.end", LOG_INT("process.pid", x->pid), LOG_INT("process.exec_id", x->id),
             LOG_INT("process.exit.code", r->code), LOG_INT("process.exit.signal", r->signal));
    exec_output_leader_gone(x);
    x->own_end = x->ring.head + exec_output_pending(x);
    TAILQ_FOREACH_SAFE (s, &x->subs, link, next)
        if (s->events->exited)
            s->events->exited(s);
    exec_check(x);
}

static void on_child(struct reaper *r, pid_t pid, int status, const struct rusage *usage)
{
    struct execs *t = CONTAINER_OF(r, struct execs, reaper);
    struct exec *x = exec_by_pid(t, pid);
    struct spawn *s;

    if (x && x->state == EXEC_RUNNING) {
        on_reaped(x, status, usage);
        return;
    }
    LIST_FOREACH (s, &t->spawning, link) {
        if (!s->reaped && __atomic_load_n(&s->pid, __ATOMIC_ACQUIRE) == pid) {
            s->reaped = true;
            s->status = status;
            s->rusage = *usage;
            return;
        }
    }
    if (!t->is_others || !t->is_others(t->others, pid, status))
        log_debug("process.orphan", LOG_INT("process.pid", pid));
}

/* Arguments and variables may be megabytes, and nobody asks for them any more. */
static void forget_spec(struct exec *x)
{
    x->key = x->key ? strdup(x->key) : NULL;
    exec_spec_free(TAKE(x->spec));
}

/* The stream ends at what was read so far. */
void exec_close(struct exec *x)
{
    struct execs *t = x->table;

    if (x->state != EXEC_EXITED)
        return;
    x->cut = x->ring.head;
    x->state = EXEC_CLOSED;
    ev_timer_stop(t->loop->ev, &x->quiet);
    ev_timer_stop(t->loop->ev, &x->grace);
    exec_input_stop(x);
    exec_past_add(x);
    forget_spec(x);
    LIST_REMOVE(x, by_pid);
    TAILQ_REMOVE(&t->live, x, link);
    TAILQ_INSERT_TAIL(&t->lingering, x, link);
    t->lingering_count++;
    exec_keep(x);
    exec_sub_attach_tail(x);
    exec_notify(x);
    loop_defer(t->loop, &x->check);
}

/* Moves on what can move on: EXITED with all pipes at their end is closed; CLOSED without anybody is gone. */
void exec_check(struct exec *x)
{
    if (x->state == EXEC_EXITED && exec_output_ended(x))
        exec_close(x);
    if (x->state == EXEC_CLOSED && x->leaf && exec_output_ended(x) && !ev_is_active(&x->follow)) {
        x->leaf = false;
        cgroup_leaf_remove(x->table->cgroups, x->class, x->leaf_name);
    }
    if (x->state == EXEC_CLOSED && x->sub_count == 0 && exec_output_ended(x) && !x->kept.active &&
        !ev_is_active(&x->follow))
        exec_free(x);
}

static void on_check(struct task *t)
{
    exec_check(CONTAINER_OF(t, struct exec, check));
}

/* --- doing ----------------------------------------------------------------------------------- */

int exec_resize(struct exec *x, uint16_t cols, uint16_t rows, struct err *e)
{
    struct winsize size = {.ws_col = cols, .ws_row = rows};

    if (!x->pty)
        return err_set(e, STATUS_INTERNAL, 0, "error resizing tty: tty not assigned to process");
    if (x->pipes[0].fd >= 0 && ioctl(x->pipes[0].fd, TIOCSWINSZ, &size) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "error resizing tty");
    return 0;
}

void exec_status_text(const struct exec_exit *e, char out[64])
{
    char name[SIGNAME_MAX];

    if (e->signal == 0) {
        snprintf(out, 64, "exit status %d", e->code);
        return;
    }
    signame_text(e->signal, name);
    snprintf(out, 64, "signal: %s%s", name, e->core ? " (core dumped)" : "");
}

/* --- life ------------------------------------------------------------------------------------ */

int execs_init(struct execs *t, struct loop *loop, struct seg_pool *pool, struct jobs *jobs,
               struct cgroups *cgroups, const struct spawn_surroundings *around, size_t ring_max,
               struct err *e)
{
    uint32_t start;

    memset(t, 0, sizeof *t);
    t->loop = loop;
    t->pool = pool;
    t->jobs = jobs;
    t->cgroups = cgroups;
    t->around = *around;
    t->ring_max = ring_max;
    TAILQ_INIT(&t->live);
    TAILQ_INIT(&t->lingering);
    LIST_INIT(&t->spawning);
    STAILQ_INIT(&t->held);
    timerq_init(&t->spawn_timeouts, loop, SPAWN_TIMEOUT_MS, on_spawn_timeout);
    exec_past_init(t);
    /* Ids are not used again by a restarted agent either: its leaves may still be there. */
    if (getrandom(&start, sizeof start, GRND_NONBLOCK) != sizeof start)
        start = (uint32_t)clock_mono_ns();
    t->next_id = (uint64_t)(start >> 1) << 32 | 1; /* fits the log's signed numbers */
    return reaper_init(&t->reaper, loop, on_child, e);
}

void execs_memory_free(struct execs *t)
{
    struct exec *x;

    TAILQ_FOREACH (x, &t->live, link)
        if (x->full)
            exec_output_resume(x);
}
