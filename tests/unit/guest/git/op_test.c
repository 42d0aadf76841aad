#include "git_rig.h"

struct user_of_op {
    struct git_op *op;
    unsigned ready, failed, ended;
    struct err error;
    struct git_sink sink;
    char out[256];
};

static void on_op_ready(void *owner)
{
    ((struct user_of_op *)owner)->ready++;
}

static void on_op_failed(void *owner, const struct err *e)
{
    struct user_of_op *u = owner;

    u->failed++;
    u->error = *e;
}

static void on_op_ended(void *owner)
{
    ((struct user_of_op *)owner)->ended++;
}

static const struct git_op_events op_events = {on_op_ready, on_op_failed, on_op_ended, NULL};

static int feed(struct git_sink *s, struct bytes data, struct err *e)
{
    struct user_of_op *u = CONTAINER_OF(s, struct user_of_op, sink);
    size_t n = strlen(u->out);

    (void)e;
    snprintf(u->out + n, sizeof u->out - n, "%.*s", (int)data.len, data.ptr);
    return 0;
}

static void begin(struct user_of_op *u, const char *below, enum git_access access)
{
    char path[256];
    struct err e;

    *u = (struct user_of_op){.sink = {.feed = feed}};
    snprintf(path, sizeof path, "%s/%s", dir, below);
    u->op = git_op_new(&git, NULL, path, access, &op_events, u, &e);
    assert_non_null(u->op);
}

static void run(struct user_of_op *u, const char *word)
{
    const char *args[] = {word};
    const struct git_command c = {.args = args, .arg_count = 1};
    struct err e;

    u->ended = 0;
    assert_int_equal(git_op_run(u->op, &c, &u->sink, NULL, NULL, &e), 0);
}

static void several_runs(void **state)
{
    struct user_of_op u;

    (void)state;
    put_git("echo $1; echo bad >&2; [ $1 = ok ]");
    begin(&u, "", GIT_READS);
    RUN_UNTIL(NULL, u.ready, 5000);
    run(&u, "ok");
    RUN_UNTIL(NULL, u.ended, 5000);
    assert_int_equal(u.op->run.end.code, 0);
    run(&u, "no");
    RUN_UNTIL(NULL, u.ended, 5000);
    assert_int_equal(u.op->run.end.code, 1);
    assert_string_equal(u.out, "ok\nno\n");
    assert_int_equal(git_tail_text(&u.op->run.said).len, 4);
    git_op_close(u.op);
}

/* Who writes waits for who writes; who reads does not. */
static void turns(void **state)
{
    struct user_of_op a, b, reader, other;

    (void)state;
    put_git(":");
    put("other", "");
    begin(&a, "", GIT_WRITES);
    RUN_UNTIL(NULL, a.ready, 5000);
    begin(&b, "", GIT_WRITES);
    begin(&reader, "", GIT_READS);
    begin(&other, "bin", GIT_WRITES);
    RUN_UNTIL(NULL, reader.ready && other.ready, 5000);
    assert_int_equal(b.ready, 0);
    git_op_close(a.op);
    RUN_UNTIL(NULL, b.ready, 5000);
    git_op_close(b.op);
    git_op_close(reader.op);
    git_op_close(other.op);
}

static void closed_in_any_state(void **state)
{
    struct user_of_op u;

    (void)state;
    put_git("sleep 1000");
    begin(&u, "", GIT_WRITES); /* a worker looks */
    git_op_close(u.op);
    begin(&u, "", GIT_WRITES);
    RUN_UNTIL(NULL, u.ready, 5000);
    run(&u, "x");
    RUN_UNTIL(NULL, rig.table.started > 0, 5000);
    git_op_close(u.op);
    RUN_UNTIL(NULL, TAILQ_EMPTY(&git.queue.turns), 5000);
    assert_int_equal(u.ended, 0);
}

static void no_repository_and_no_git(void **state)
{
    struct user_of_op u;

    (void)state;
    begin(&u, "none", GIT_READS);
    RUN_UNTIL(NULL, u.failed, 5000);
    assert_int_equal(u.error.status, STATUS_NOT_FOUND);
    git_op_close(u.op);
    put("bin/git", "#!/bin/sh\necho git version 2.9.9\n");
    begin(&u, "", GIT_READS);
    RUN_UNTIL(NULL, u.failed, 5000);
    assert_int_equal(u.error.status, STATUS_FAILED_PRECONDITION);
    git_op_close(u.op);
}

/* What a clone that was killed has made goes, whatever git does about it. */
static void a_clone_is_tidied_up(void **state)
{
    struct user_of_op u;

    (void)state;
    put_git("mkdir -p $1/.git; trap '' TERM; touch $1/.git/x; while :; do sleep 0.1; done");
    begin(&u, "made", GIT_MAKES);
    RUN_UNTIL(NULL, u.ready, 5000);
    run(&u, git_arg_path);
    RUN_UNTIL(NULL, is_there("made/.git/x"), 5000);
    git_op_close(u.op);
    RUN_UNTIL(NULL, TAILQ_EMPTY(&git.queue.turns), 15000);
    assert_false(is_there("made"));
}

/* Who waits to make something sees what has become of it meanwhile, and no more than that is taken away. */
static void a_place_is_looked_at_again(void **state)
{
    struct user_of_op a, b;

    (void)state;
    put_git(":");
    begin(&a, "twice", GIT_MAKES);
    RUN_UNTIL(NULL, a.ready, 5000);
    begin(&b, "twice", GIT_MAKES);
    RUN_UNTIL(NULL, b.op->state == GIT_OP_WAITING, 5000);
    assert_false(b.op->place.existed);
    put("twice", "");
    git_op_close(a.op);
    RUN_UNTIL(NULL, b.ready, 5000);
    assert_true(b.op->place.existed);
    b.op->unclean = true;
    git_op_close(b.op);
    RUN_UNTIL(NULL, TAILQ_EMPTY(&git.queue.turns), 5000);
    assert_true(is_there("twice"));
}

/* Without a run that was stopped, the owner says that it goes. */
static void what_its_owner_gives_up_is_tidied_up(void **state)
{
    struct user_of_op u;

    (void)state;
    put_git("mkdir -p $1/.git");
    begin(&u, "half", GIT_MAKES);
    RUN_UNTIL(NULL, u.ready, 5000);
    run(&u, git_arg_path);
    RUN_UNTIL(NULL, u.ended, 5000);
    assert_true(is_there("half/.git"));
    u.op->unclean = true;
    git_op_close(u.op);
    RUN_UNTIL(NULL, TAILQ_EMPTY(&git.queue.turns), 5000);
    assert_false(is_there("half"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(several_runs),
                                       cmocka_unit_test(turns),
                                       cmocka_unit_test(closed_in_any_state),
                                       cmocka_unit_test(no_repository_and_no_git),
                                       cmocka_unit_test(a_clone_is_tidied_up),
                                       cmocka_unit_test(a_place_is_looked_at_again),
                                       cmocka_unit_test(what_its_owner_gives_up_is_tidied_up)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
