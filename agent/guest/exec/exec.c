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
static void on_deadline(struct ev_loop *ev, ev_timer *w, int revents);

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

/* A new process that is being spawned; NULL: out of memory. */
static struct exec *exec_new(struct execs *t, enum cgroup_class class)
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
    x->check.run = on_check;
    ev_init(&x->deadline, on_deadline);
    x->deadline.data = x;
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
    ev_timer_stop(t->loop->ev, &x->deadline);
    exec_input_stop(x);
    exec_output_stop(x);
    loop_cancel(t->loop, &x->check);
    ticket_drop(&t->tickets, x->ticket);
    if (x->state == EXEC_CLOSED) {
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
    free(x->spec);
    free(x);
}

/* --- exits that are remembered --------------------------------------------------------------- */

static struct exec_past *past_at(const struct execs *t, uint32_t i)
{
    return &t->past[(t->past_first + i) % t->past_cap];
}

static void past_drop_oldest(struct execs *t)
{
    free(past_at(t, 0)->tag);
    t->past_first = (t->past_first + 1) % t->past_cap;
    t->past_count--;
}

/* Forgets what is older than EXITS_KEPT_MS; the last one takes the memory with it. */
static void past_expire(struct execs *t)
{
    uint64_t now = clock_mono_ms();

    while (t->past_count > 0 && past_at(t, 0)->until_ms <= now)
        past_drop_oldest(t);
    if (t->past_count == 0) {
        free(TAKE(t->past));
        t->past_cap = t->past_first = 0;
        ev_timer_stop(t->loop->ev, &t->past_timer);
    } else if (!ev_is_active(&t->past_timer)) {
        loop_timer(t->loop, &t->past_timer, past_at(t, 0)->until_ms - now + 1);
    }
}

static void on_past_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    past_expire(w->data);
}

static void past_add(struct exec *x)
{
    struct execs *t = x->table;

    if (t->past_count == t->past_cap && t->past_cap < EXITS_KEPT_MAX) {
        uint32_t cap = t->past_cap ? t->past_cap * 2 : 16;
        struct exec_past *past = malloc(cap * sizeof *past);

        if (!past)
            return;
        for (uint32_t i = 0; i < t->past_count; i++)
            past[i] = *past_at(t, i);
        free(t->past);
        t->past = past;
        t->past_cap = cap;
        t->past_first = 0;
    }
    if (t->past_count == t->past_cap)
        past_drop_oldest(t);
    t->past_count++;
    *past_at(t, t->past_count - 1) = (struct exec_past){
        .pid = x->pid,
        .tag = x->spec->tag ? strdup(x->spec->tag) : NULL,
        .id = x->id,
        .until_ms = clock_mono_ms() + EXITS_KEPT_MS,
        .exit = x->exit,
    };
    past_expire(t);
}

/* The kernel gave the pid to another process of ours, or a tag names a new one: the old exit must not
 * answer. */
static void past_forget(struct execs *t, pid_t pid, const char *tag)
{
    for (uint32_t i = 0; i < t->past_count; i++) {
        struct exec_past *p = past_at(t, i);

        if (p->pid == pid || (tag && p->tag && strcmp(p->tag, tag) == 0)) {
            p->pid = 0;
            free(TAKE(p->tag));
        }
    }
}

const struct exec_past *exec_past_by_pid(struct execs *t, pid_t pid)
{
    past_expire(t);
    for (uint32_t i = t->past_count; pid > 0 && i > 0; i--)
        if (past_at(t, i - 1)->pid == pid)
            return past_at(t, i - 1);
    return NULL;
}

const struct exec_past *exec_past_by_tag(struct execs *t, const char *tag)
{
    past_expire(t);
    for (uint32_t i = t->past_count; i > 0; i--)
        if (past_at(t, i - 1)->tag && strcmp(past_at(t, i - 1)->tag, tag) == 0)
            return past_at(t, i - 1);
    return NULL;
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

    past_forget(t, s->pid, s->spec->tag);
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
        free(spec);
        return err_set(e, STATUS_FAILED_PRECONDITION, 0, "agent is shutting down");
    }
    if (t->count >= PROCESSES_MAX) {
        free(spec);
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%d processes are running already", PROCESSES_MAX);
    }
    s = spawn_new(&t->around, spec, env, class);
    if (!s) {
        free(spec);
        return err_nomem(e, "start a process");
    }
    x = exec_new(t, class);
    if (!x) {
        spawn_free(s);
        return err_nomem(e, "start a process");
    }
    s->table = t;
    s->job.done = spawn_done;
    s->ticket = x->ticket;
    memcpy(s->id, x->leaf_name, sizeof s->id);
    if (jobs_submit(t->jobs, &s->job, e) < 0) {
        spawn_free(s);
        exec_free(x);
        return -1;
    }
    x->spawn = s;
    LIST_INSERT_HEAD(&t->spawning, s, link);
    timerq_set(&t->spawn_timeouts, &x->spawn_timeout);
    return exec_subscribe(x, sub, events, 0, e);
}

/* --- the end --------------------------------------------------------------------------------- */

static void on_reaped(struct exec *x, int status, const struct rusage *usage)
{
    struct exec_exit *r = &x->exit;

    x->state = EXEC_EXITED;
    r->ended = clock_wall();
    r->duration_ns = clock_mono_ns() - x->started_ns;
    r->usage = *usage;
    r->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    r->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    r->core = WIFSIGNALED(status) && WCOREDUMP(status);
    ev_timer_stop(x->table->loop->ev, &x->deadline);
    log_info("process.end", LOG_INT("process.pid", x->pid), LOG_INT("process.exec_id", x->id),
             LOG_INT("process.exit.code", r->code), LOG_INT("process.exit.signal", r->signal));
    exec_output_leader_gone(x);
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
    log_debug("process.orphan", LOG_INT("process.pid", pid));
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
    past_add(x);
    LIST_REMOVE(x, by_pid);
    TAILQ_REMOVE(&t->live, x, link);
    TAILQ_INSERT_TAIL(&t->lingering, x, link);
    if (++t->lingering_count > LINGER_MAX) {
        struct exec *oldest = TAILQ_FIRST(&t->lingering);

        /* Its readers got everything up to the cut, or still hold it; what comes now nobody will ask for. */
        if (oldest->sub_count == 0) {
            oldest->drain = true;
            oldest->paused = oldest->full = false;
            ring_clear(&oldest->ring);
        }
    }
    exec_notify(x);
    loop_defer(t->loop, &x->check);
}

/* Moves on what can move on: EXITED with all pipes at their end is closed; CLOSED without anybody is gone. */
void exec_check(struct exec *x)
{
    if (x->state == EXEC_EXITED && exec_output_ended(x))
        exec_close(x);
    if (x->state == EXEC_CLOSED && x->sub_count == 0 && exec_output_ended(x))
        exec_free(x);
}

static void on_check(struct task *t)
{
    exec_check(CONTAINER_OF(t, struct exec, check));
}

/* --- doing ----------------------------------------------------------------------------------- */

/* A signal to everything the process started: by cgroup where it has one, else by session, as far as that
 * reaches. */
static int signal_tree(struct exec *x, int signo)
{
    if (x->leaf && signo == SIGKILL && cgroup_leaf_kill(x->table->cgroups, x->class, x->leaf_name) == 0)
        return 0;
    if (x->leaf && cgroup_leaf_signal(x->table->cgroups, x->class, x->leaf_name, signo) == 0)
        return 0;
    return x->state < EXEC_EXITED ? kill(-x->pid, signo) : 0;
}

int exec_signal(struct exec *x, int signo, struct err *e)
{
    int ret;

    if (x->state == EXEC_CLOSED)
        return err_set(e, STATUS_INTERNAL, 0, "error sending signal: os: process already finished");
    if (x->state == EXEC_EXITED) /* a zombie takes any signal; what it left behind may still be ended */
        return signo == SIGKILL && !x->spec->pty ? signal_tree(x, signo) : 0;
    /* Until it is reaped, and only we reap, its pid names nobody else. */
    ret = signo == SIGKILL && !x->spec->pty ? signal_tree(x, signo) : kill(x->pid, signo);
    if (ret < 0)
        return err_set(e, STATUS_INTERNAL, errno, "error sending signal");
    return 0;
}

static void on_deadline(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct exec *x = w->data;

    (void)ev;
    (void)revents;
    x->exit.timed_out = true;
    exec_signal(x, SIGKILL, NULL);
}

int exec_resize(struct exec *x, uint16_t cols, uint16_t rows, struct err *e)
{
    struct winsize size = {.ws_col = cols, .ws_row = rows};

    if (!x->spec->pty)
        return err_set(e, STATUS_INTERNAL, 0, "error resizing tty: tty not assigned to process");
    if (x->pipes[0].fd >= 0 && ioctl(x->pipes[0].fd, TIOCSWINSZ, &size) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "error resizing tty");
    return 0;
}

void execs_stop(struct execs *t, int signo)
{
    struct exec *x;

    t->stopping = true;
    if (signo == 0)
        return;
    TAILQ_FOREACH (x, &t->live, link)
        if (x->state != EXEC_SPAWNING)
            signal_tree(x, signo);
    TAILQ_FOREACH (x, &t->lingering, link)
        signal_tree(x, signo);
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
    timerq_init(&t->spawn_timeouts, loop, SPAWN_TIMEOUT_MS, on_spawn_timeout);
    ev_init(&t->past_timer, on_past_timer);
    t->past_timer.data = t;
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
