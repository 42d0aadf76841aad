#include "guest/git/op.h"

#include "guest/git/tidy.h"

static void op_free(struct git_op *op)
{
    git_queue_leave(&op->git->queue, &op->turn);
    ticket_drop(&op->git->ops, op->ticket);
    git_run_clear(&op->run);
    git_tail_clear(&op->version.text);
    git_place_clear(&op->place);
    guest_env_unref(op->env);
    free(op->user);
    free(op);
}

static void fail(struct git_op *op, const struct err *e)
{
    op->state = GIT_OP_READY;
    op->events->failed(op->owner, e);
}

/* --- the turn -------------------------------------------------------------------------------- */

static void become_ready(struct git_op *op)
{
    op->state = GIT_OP_READY;
    op->events->ready(op->owner);
}

static int find_place(struct git_op *op, const char *path, struct err *e);

/* What is to be made may have come or gone while others had their turn. */
static void look_again(struct git_op *op)
{
    struct err e;

    op->ticket = ticket_new(&op->git->ops, op);
    if (!op->ticket)
        err_nomem(&e, "run git");
    if (!op->ticket || find_place(op, op->place.path, &e) < 0)
        fail(op, &e);
}

static void on_turn(struct git_turn *t)
{
    struct git_op *op = CONTAINER_OF(t, struct git_op, turn);

    if (op->access == GIT_MAKES)
        look_again(op);
    else
        become_ready(op);
}

static void wait(struct git_op *op)
{
    struct err e;

    op->state = GIT_OP_WAITING;
    op->turn.key = op->place.key;
    op->turn.come = on_turn;
    if (op->access == GIT_READS)
        become_ready(op);
    else if (git_queue_enter(&op->git->queue, &op->turn, &e) < 0)
        fail(op, &e);
}

/* --- the version ----------------------------------------------------------------------------- */

static void check_version(struct git_op *op)
{
    struct err e;

    if (git_version_check(&op->git->version, &e) < 0)
        fail(op, &e);
    else
        wait(op);
}

static void on_ended(struct git_run *r);
static void on_ready(struct git_run *r);

static int start(struct git_op *op, const struct git_command *c, struct chain *input, struct err *e)
{
    struct exec_spec *spec = git_policy_spec(&op->place, op->user, c, e);

    op->run.execs = op->git->execs;
    op->run.ended = on_ended;
    op->run.ready = on_ready;
    return spec ? git_run_start(&op->run, spec, op->env, input, e) : -1;
}

static void ask_version(struct git_op *op)
{
    static const char *const args[] = {"version"};
    static const struct git_command command = {.args = args, .arg_count = 1, .reads = true};
    struct err e;

    if (git_version_known(&op->git->version, &op->place.program)) {
        check_version(op);
        return;
    }
    op->state = GIT_OP_ASKING;
    op->run.out = git_heard_begin(&op->version);
    op->run.err = NULL;
    if (start(op, &command, NULL, &e) < 0)
        fail(op, &e);
}

static void version_said(struct git_op *op)
{
    if (op->run.end.failed) {
        fail(op, &op->run.end.error);
        return;
    }
    git_version_keep(&op->git->version, &op->place.program, git_tail_text(&op->version.text));
    check_version(op);
}

/* --- the place ------------------------------------------------------------------------------- */

struct placing {
    struct job job;
    struct git *git;
    ticket op;
    struct fs_caller caller;
    char *path;
    enum git_access access;
    struct git_place place;
    bool failed;
    struct err error;
};

static void placing_free(struct placing *p)
{
    git_place_clear(&p->place);
    fs_caller_clear(&p->caller);
    free(p->path);
    free(p);
}

static void place_run(struct job *j)
{
    struct placing *p = CONTAINER_OF(j, struct placing, job);

    p->failed = git_place_find(&p->place, &p->caller, p->path, p->access, &p->error) < 0;
}

static void place_done(struct job *j)
{
    struct placing *p = CONTAINER_OF(j, struct placing, job);
    struct git_op *op = ticket_find(&p->git->ops, p->op);

    if (op) {
        ticket_drop(&p->git->ops, op->ticket);
        op->ticket = 0;
        git_place_clear(&op->place);
        op->place = p->place;
        p->place = (struct git_place){0};
        if (p->failed)
            fail(op, &p->error);
        else if (op->state == GIT_OP_WAITING)
            become_ready(op);
        else
            ask_version(op);
    }
    placing_free(p);
}

static int find_place(struct git_op *op, const char *path, struct err *e)
{
    struct placing *p = calloc(1, sizeof *p);

    if (!p)
        return err_nomem(e, "run git");
    *p = (struct placing){.job = {.run = place_run, .done = place_done},
                          .git = op->git,
                          .op = op->ticket,
                          .access = op->access};
    p->path = strdup(*path ? path : "~");
    if (p->path && fs_caller_init(&p->caller, op->user, op->env, true) == 0) {
        if (jobs_submit(op->git->jobs, &p->job, e) == 0)
            return 0;
    } else {
        err_nomem(e, "run git");
    }
    placing_free(p);
    return -1;
}

/* --- the end --------------------------------------------------------------------------------- */

static void tidied(void *arg)
{
    op_free(arg);
}

/* CLOSING, and nothing runs any more. */
static void finish(struct git_op *op)
{
    if (op->unclean && git_tidy(op->git->jobs, op->user, op->env, &op->place, op->access, tidied, op) == 0)
        return;
    op_free(op);
}

static void on_ended(struct git_run *r)
{
    struct git_op *op = CONTAINER_OF(r, struct git_op, run);

    if (op->access != GIT_READS && r->end.code < 0)
        op->unclean = true;
    switch (op->state) {
    case GIT_OP_ASKING:
        version_said(op);
        return;
    case GIT_OP_CLOSING:
        finish(op);
        return;
    default:
        op->state = GIT_OP_READY;
        op->events->ended(op->owner);
    }
}

static void on_ready(struct git_run *r)
{
    struct git_op *op = CONTAINER_OF(r, struct git_op, run);

    op->events->output(op->owner);
}

/* --- what its owner does --------------------------------------------------------------------- */

void git_init(struct git *g, struct loop *loop, struct execs *execs, struct jobs *jobs,
              struct settings *settings)
{
    *g = (struct git){.loop = loop, .execs = execs, .jobs = jobs, .settings = settings};
    git_queue_init(&g->queue, loop);
}

void git_destroy(struct git *g)
{
    git_version_clear(&g->version);
    tickets_clear(&g->ops);
}

struct git_op *git_op_new(struct git *g, const char *user, const char *path, enum git_access access,
                          const struct git_op_events *events, void *owner, struct err *e)
{
    struct git_op *op = calloc(1, sizeof *op);

    err_nomem(e, "run git");
    if (!op)
        return NULL;
    *op = (struct git_op){.git = g, .access = access, .events = events, .owner = owner};
    op->env = guest_env_ref(g->settings->env);
    op->ticket = ticket_new(&g->ops, op);
    if (op->ticket && (!user || (op->user = strdup(user))) && find_place(op, path, e) == 0)
        return op;
    op_free(op);
    return NULL;
}

int git_op_run(struct git_op *op, const struct git_command *c, struct git_sink *out, struct git_sink *err,
               struct chain *input, struct err *e)
{
    op->run.out = out;
    op->run.err = err;
    if (start(op, c, input, e) < 0)
        return -1;
    op->state = GIT_OP_RUNNING;
    return 0;
}

void git_op_close(struct git_op *op)
{
    op->state = GIT_OP_CLOSING;
    if (op->run.running) {
        op->unclean = op->access != GIT_READS;
        git_run_stop(&op->run);
    } else {
        finish(op);
    }
}
