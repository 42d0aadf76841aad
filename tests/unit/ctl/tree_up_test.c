/* A tree into the guest: what is sent, and what is said of what could not be made there. */
#include "test.h"

#include "files_rig.h"

#include "ctl/tree.h"
#include "stream_rig.h"

static struct copy copy;

/* Copies "d" here to the guest's /n. Returns the exit code; see `said`. */
static int send_tree(void)
{
    char path[128];
    struct capture c;
    struct err e;

    snprintf(path, sizeof path, "%s", in_here("d"));
    agent_start();
    capture_begin(&c);
    copy = (struct copy){.ctl = &ours, .recursive = true};
    assert_int_equal(guest_open(&copy.guest, &ours, NULL, &e), 0);
    pool_init(&copy.pool, &ours, "cp");
    assert_int_equal(tree_up(&copy, path, "/n\xff"), 0);
    pool_close(&copy.pool);
    guest_close(&copy.guest);
    capture_end(&c);
    agent_finish();
    return copy.pool.code;
}

static void answer_tree(Guest__V1__WriteTreeResponse *m)
{
    uint8_t packed[1024];

    stream_begin();
    stream_message(0, packed, protobuf_c_message_pack(&m->base, packed));
    stream_finish("{}");
}

static bool was_sent(const char *bytes)
{
    return memmem(agent.request, agent.request_len, bytes, strlen(bytes));
}

static void it_is_sent(void **state)
{
    Guest__V1__WriteTreeResponse m = GUEST__V1__WRITE_TREE_RESPONSE__INIT;

    (void)state;
    assert_int_equal(mkdir(in_here("d"), 0750), 0);
    write_here("d/name\xfe", "the content");
    assert_int_equal(symlink("some/where", in_here("d/l")), 0);
    answer_tree(&m);
    assert_int_equal(send_tree(), CTL_OK);
    assert_string_equal(said, "");
    assert_true(was_sent("/guest.v1.Files/WriteTree"));
    assert_true(was_sent("/n\xff") && was_sent("name\xfe") && was_sent("the content") &&
                was_sent("some/where"));
    assert_int_equal(copy.pool.progress.files, 1);
    assert_int_equal(copy.pool.progress.bytes, 11);
    unlink(in_here("d/name\xfe"));
    unlink(in_here("d/l"));
    rmdir(in_here("d"));
}

static void what_the_guest_cannot_make_is_told(void **state)
{
    Guest__V1__WriteTreeResponse m = GUEST__V1__WRITE_TREE_RESPONSE__INIT;
    Guest__V1__TreeProblem p = GUEST__V1__TREE_PROBLEM__INIT, *list[] = {&p};

    (void)state;
    assert_int_equal(mkdir(in_here("d"), 0750), 0);
    p.path = BYTES("a/b");
    p.code = (char *)(uintptr_t) "permission_denied";
    p.message = (char *)(uintptr_t) "it is locked";
    m.problems = list;
    m.n_problems = 1;
    m.problem_count = 3;
    answer_tree(&m);
    assert_int_equal(send_tree(), CTL_REFUSED);
    assert_non_null(strstr(said, "/d/a/b': it is locked\n"));
    assert_non_null(strstr(said, "/d': and 2 more that could not be made\n"));
    rmdir(in_here("d"));
}

/* A FIFO of ours is told here, and the rest goes on. */
static void what_cannot_be_read_is_told(void **state)
{
    Guest__V1__WriteTreeResponse m = GUEST__V1__WRITE_TREE_RESPONSE__INIT;

    (void)state;
    assert_int_equal(mkdir(in_here("d"), 0750), 0);
    assert_int_equal(mkfifo(in_here("d/p"), 0600), 0);
    write_here("d/f", "the content");
    answer_tree(&m);
    assert_int_equal(send_tree(), CTL_REFUSED);
    assert_non_null(strstr(said, "/d/p': neither a file, a directory nor a link\n"));
    assert_true(was_sent("the content"));
    unlink(in_here("d/p"));
    unlink(in_here("d/f"));
    rmdir(in_here("d"));
}

static void a_refusal_ends_it(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_here("d"), 0750), 0);
    stream_begin();
    stream_finish("{\"error\":{\"code\":\"permission_denied\",\"message\":\"it is said\"}}");
    assert_int_equal(send_tree(), CTL_REFUSED);
    assert_non_null(strstr(said, "/d': it is said\n"));
    rmdir(in_here("d"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_is_sent),
        T(what_the_guest_cannot_make_is_told),
        T(what_cannot_be_read_is_told),
        T(a_refusal_ends_it),
    };

    return RUN(tests);
}
