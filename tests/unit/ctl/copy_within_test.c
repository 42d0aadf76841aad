/* Within the guest: the agent is asked to copy, of a link what it leads to, and the directories above are made. */
#include "test.h"

#include "files_rig.h"

#include "ctl/copy.h"

static struct copy copy;

/* Copies the guest's /s to its /d/n. Returns the exit code; see `said`. */
static int copy_it(bool recursive)
{
    const struct copy_place place = {.path = "/d/n"};
    struct capture c;
    struct err e;

    agent_start();
    capture_begin(&c);
    copy = (struct copy){.ctl = &ours, .recursive = recursive};
    assert_int_equal(guest_open(&copy.guest, &ours, NULL, &e), 0);
    pool_init(&copy.pool, &ours, "cp");
    assert_int_equal(copy_within(&copy, "/s", &place), 0);
    pool_close(&copy.pool);
    guest_close(&copy.guest);
    capture_end(&c);
    agent_finish();
    return copy.pool.code;
}

static void answer_copy(void)
{
    Guest__V1__CopyResponse m = GUEST__V1__COPY_RESPONSE__INIT;

    answer_message(&m.base);
}

static const Guest__V1__CopyRequest *asked(void)
{
    return (const Guest__V1__CopyRequest *)request_message(&guest__v1__copy_request__descriptor);
}

static void a_file_goes_by_its_path_as_bytes(void **state)
{
    (void)state;
    answer_stat(file_of(BYTES("/real\xff"), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE));
    answer_copy();
    assert_int_equal(copy_it(false), CTL_OK);
    assert_int_equal(asked()->source_bytes.len, 6);
    assert_string_equal(asked()->destination, "/d/n");
    assert_true(asked()->overwrite);
    assert_false(asked()->recursive);
}

static void what_is_missing_above_is_made(void **state)
{
    Filesystem__MakeDirResponse made = FILESYSTEM__MAKE_DIR_RESPONSE__INIT;

    (void)state;
    answer_stat(file_of(BYTES("/s"), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY));
    answer_error("not_found");
    answer_message(&made.base);
    answer_copy();
    assert_int_equal(copy_it(true), CTL_OK);
    assert_true(asked()->recursive);
}

static void what_is_refused_is_told(void **state)
{
    (void)state;
    answer_stat(file_of(BYTES("/s"), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY));
    assert_int_equal(copy_it(false), CTL_REFUSED);
    assert_non_null(strstr(said, "cp '/s': a directory (-r copies it)"));
    agent.count = 0;
    answer_stat(file_of(BYTES("/s"), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE));
    answer_error("permission_denied");
    assert_int_equal(copy_it(false), CTL_REFUSED);
    assert_non_null(strstr(said, "cp '/s': it is said"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_file_goes_by_its_path_as_bytes),
        T(what_is_missing_above_is_made),
        T(what_is_refused_is_told),
    };

    return RUN(tests);
}
