/* Into the guest: what stands in the way there is replaced or said, and what is none of ours is not sent. */
#include "test.h"

#include "files_rig.h"

#include "ctl/copy.h"

static struct copy copy;

/* Copies `name` here to the guest's /n. Returns the exit code; see `said`. */
static int send_to(const char *name, bool recursive)
{
    const struct copy_place place = {.path = "/n"};
    struct capture c;
    struct err e;

    agent_start();
    capture_begin(&c);
    copy = (struct copy){.ctl = &ours, .recursive = recursive};
    assert_int_equal(guest_open(&copy.guest, &ours, NULL, &e), 0);
    pool_init(&copy.pool, &ours, "cp");
    if (copy_up(&copy, in_here(name), &place) == 0)
        (void)pool_finish(&copy.pool);
    pool_close(&copy.pool);
    guest_close(&copy.guest);
    capture_end(&c);
    agent_finish();
    return copy.pool.code;
}

static void a_link_takes_the_place_of_another(void **state)
{
    Guest__V1__RemoveFileResponse removed = GUEST__V1__REMOVE_FILE_RESPONSE__INIT;
    Guest__V1__SymlinkResponse made = GUEST__V1__SYMLINK_RESPONSE__INIT;
    const Guest__V1__SymlinkRequest *m;

    (void)state;
    assert_int_equal(symlink("some/where", in_here("l")), 0);
    answer_error("already_exists");
    answer_message(&removed.base);
    answer_message(&made.base);
    assert_int_equal(send_to("l", true), CTL_OK);
    m = (const Guest__V1__SymlinkRequest *)request_message(&guest__v1__symlink_request__descriptor);
    assert_string_equal(m->path, "/n");
    assert_string_equal(m->target, "some/where");
    unlink(in_here("l"));
}

static void what_is_no_file_is_told(void **state)
{
    (void)state;
    assert_int_equal(send_to("none", false), CTL_REFUSED);
    assert_non_null(strstr(said, "no such file"));
    assert_int_equal(mkdir(in_here("d"), 0755), 0);
    assert_int_equal(send_to("d", false), CTL_REFUSED);
    assert_non_null(strstr(said, "a directory (-r copies it)"));
    rmdir(in_here("d"));
    assert_int_equal(mkfifo(in_here("p"), 0600), 0);
    assert_int_equal(send_to("p", false), CTL_REFUSED);
    assert_non_null(strstr(said, "neither a file"));
    assert_int_equal(agent.request_len, 0);
    unlink(in_here("p"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_link_takes_the_place_of_another),
        T(what_is_no_file_is_told),
    };

    return RUN(tests);
}
