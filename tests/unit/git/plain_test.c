#include "git/plain.h"

#include "git_rig.h"

static struct talk t;

static void words(void **state)
{
    struct git_call c = {.arena = {.max = MIB}};
    struct err e;

    (void)state;
    assert_int_equal(git_plain_words(&c, "add --all -x", &e), 0);
    assert_int_equal(git_plain_words(&c, "", &e), 0);
    assert_int_equal(git_plain_name(&c, "a/b", "name", &e), 0);
    assert_int_equal(git_plain_name(&c, "-b", "name", &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(c.command.arg_count, 4);
    assert_string_equal(c.command.args[0], "add");
    assert_string_equal(c.command.args[1], "--all");
    assert_string_equal(c.command.args[2], "-x");
    assert_string_equal(c.command.args[3], "a/b");
    arena_clear(&c.arena);
}

static void paths(void **state)
{
    const ProtobufCBinaryData good[] = {{1, (uint8_t *)"a"}, {3, (uint8_t *)"b\nc"}};
    const ProtobufCBinaryData bad[] = {{0, (uint8_t *)""}, {3, (uint8_t *)"a\0b"}};
    struct git_call c = {.arena = {.max = MIB}};
    char input[7];
    struct err e;

    (void)state;
    assert_int_equal(git_plain_paths(&c, good, 0, &e), 0);
    assert_false(c.command.input);
    assert_int_equal(git_plain_paths(&c, good, 2, &e), 0);
    assert_true(c.command.input);
    assert_int_equal(c.input.bytes, 6);
    chain_peek(&c.input, input, 6);
    assert_memory_equal(input, "a\0b\nc\0", 6);
    assert_int_equal(git_plain_paths(&c, &bad[0], 1, &e), -1);
    assert_int_equal(git_plain_paths(&c, &bad[1], 1, &e), -1);
    chain_clear(&c.input);
    arena_clear(&c.arena);
}

/* What is in a list stays when it grows. */
static void room(void **state)
{
    struct git_call c = {.arena = {.max = MIB}};
    int *list = NULL;
    struct err e;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        list = git_plain_room(&c, list, (size_t)i, sizeof *list, &e);
        assert_non_null(list);
        list[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(list[i], i);
    assert_null(git_plain_room(&c, list, 1 << 20, sizeof *list, &e)); /* no more than the arena */
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    arena_clear(&c.arena);
}

/* A run without a sink is heard to its end, and its input reaches it. */
static void a_run(void **state)
{
    (void)state;
    put_git("head -c 200000 /dev/zero; [ \"$(tr '\\0' /)\" = 'a/b c/' ] || { echo bad input >&2; exit 1; }");
    ask(&t, "guest.v1.Git/Add", "{\"path\":\"/\",\"paths\":[\"YQ==\",\"YiBj\"]}");
    HEAR(&t, "\r\n\r\n{}");
    hang_up(&t);
}

/* What git says on its standard output counts where it says nothing known elsewhere. */
static void judged(void **state)
{
    (void)state;
    put_git("cat >/dev/null; echo hint >&2; echo 'nothing to commit, working tree clean'; exit 1");
    ask(&t, "guest.v1.Git/Commit", "{\"path\":\"/\",\"message\":\"x\"}");
    HEAR(&t, "nothing to commit, working tree clean");
    assert_true(has(&t, "failed_precondition"));
    hang_up(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words), cmocka_unit_test(paths),
                                       cmocka_unit_test(room), cmocka_unit_test(a_run),
                                       cmocka_unit_test(judged)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
