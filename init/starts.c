#include "init/starts.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/log.h"
#include "guest/boot.h"

struct start {
    struct start *next;
    struct starts *of;
    const struct config_start *config;
    char tag[24];
    struct exec_sub sub;
    struct task read;
    ev_timer again;
    unsigned wait_ms; /* before the next time */
    uint64_t up_ms;   /* since when it runs; monotonic */
    bool complained;
};

static void run(struct start *s);

static void on_again(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    run(w->data);
}

static void run_later(struct start *s)
{
    if (s->of->stopped)
        return;
    log_info("start.again", LOG_STR("start.tag", s->tag), LOG_INT("start.wait_ms", s->wait_ms));
    loop_timer(s->of->execs->loop, &s->again, s->wait_ms);
    s->wait_ms = MIN(2 * s->wait_ms, (unsigned)START_BACKOFF_MAX_MS);
}

/* Once for each: the console is slow, and a program may be missing for ever. */
static void complain(struct start *s, const char *why)
{
    if (!s->complained)
        boot_problem(s->of->boot, "start '%s': %s", s->config->argv[0], why);
    s->complained = true;
}

static void not_started(struct start *s, const struct err *e)
{
    complain(s, e->text);
    if (s->config->restart != RESTART_NEVER)
        run_later(s);
}

/* --- what its process does ------------------------------------------------------------------- */

static void on_started(struct exec_sub *sub)
{
    CONTAINER_OF(sub, struct start, sub)->up_ms = clock_mono_ms();
}

static void on_failed(struct exec_sub *sub, const struct err *e, enum spawn_stage stage, const char *object)
{
    (void)stage;
    (void)object;
    not_started(CONTAINER_OF(sub, struct start, sub), e);
}

static void on_exited(struct exec_sub *sub)
{
    struct start *s = CONTAINER_OF(sub, struct start, sub);
    const struct exec_exit *end = &sub->exec->exit;
    bool failed = end->signal != 0 || end->code != 0;
    char status[64];

    exec_status_text(end, status);
    exec_unsubscribe(sub);
    if (end->code == 126 || end->code == 127) /* as from a shell: it cannot be run, or is not there */
        complain(s, status);
    if (clock_mono_ms() - s->up_ms >= START_BACKOFF_MAX_MS)
        s->wait_ms = START_BACKOFF_MS;
    if (s->config->restart == RESTART_ALWAYS || (s->config->restart == RESTART_ON_FAILURE && failed))
        run_later(s);
}

/* Its output is for others: what there is counts as read, so that it is history and its pipe never full. One piece in a turn:
 * who writes without end must not keep the loop. */
static void on_read(struct task *t)
{
    struct start *s = CONTAINER_OF(t, struct start, read);
    struct chain chain = {0};
    enum ring_stream stream;

    if (!s->sub.exec)
        return;
    exec_taken(&s->sub);
    if (exec_read(&s->sub, FRAME_MAX, &chain, &stream) == EXEC_DATA)
        loop_defer(s->of->execs->loop, t);
    chain_clear(&chain);
}

static void on_ready(struct exec_sub *sub)
{
    struct start *s = CONTAINER_OF(sub, struct start, sub);

    loop_defer(s->of->execs->loop, &s->read);
}

static const struct exec_sub_events events = {
    .started = on_started, .failed = on_failed, .exited = on_exited, .ready = on_ready};

/* --- starting it ----------------------------------------------------------------------------- */

static size_t count_words(char *const *words)
{
    size_t n = 0;

    while (words[n])
        n++;
    return n;
}

static void run(struct start *s)
{
    const struct config_start *c = s->config;
    const struct exec_spec spec = {.cmd = c->argv[0],
                                   .args = (const char *const *)c->argv + 1,
                                   .arg_count = count_words(c->argv) - 1,
                                   .cwd = c->cwd,
                                   .tag = s->tag,
                                   .user = c->user ? c->user : "root"};
    struct exec_spec *copy = exec_spec_copy(&spec);
    struct err e;

    err_nomem(&e, "start a process");
    if (s->of->stopped)
        free(copy);
    else if (!copy || exec_start(s->of->execs, copy, s->of->settings->env, &s->sub, &events, &e) < 0)
        not_started(s, &e);
}

void starts_begin(struct starts *s, struct execs *execs, struct settings *settings, struct boot *boot,
                  const struct config_start *list)
{
    struct start **end = &s->all;
    unsigned number = 0;

    *s = (struct starts){.execs = execs, .settings = settings, .boot = boot};
    for (; list; list = list->next) {
        struct start *new = calloc(1, sizeof *new);

        if (!new) {
            boot_problem(boot, "start '%s': out of memory", list->argv[0]);
            continue;
        }
        *new = (struct start){.of = s, .config = list, .read.run = on_read, .wait_ms = START_BACKOFF_MS};
        snprintf(new->tag, sizeof new->tag, "start-%u", ++number);
        ev_init(&new->again, on_again);
        new->again.data = new;
        *end = new;
        end = &new->next;
        run(new);
    }
}

void starts_stop(struct starts *s)
{
    s->stopped = true;
    for (struct start *i = s->all; i; i = i->next)
        ev_timer_stop(s->execs->loop->ev, &i->again);
}
