/* Out of the guest: links as links with -r, and nothing of what is neither file, directory nor link. */
#include "test.h"

#include "files_rig.h"

#include "ctl/copy.h"

static struct copy copy;

/* Copies the guest's /d, which is of that type, to "copy" here. Returns the exit code; see `said`. */
static int fetch(Guest__V1__FileInfo__Type type, bool recursive)
{
    struct copy_place place = {.path = in_here("copy")};
    guest_file f = file_of(BYTES("d"), type);
    char path[128];
    struct capture c;
    struct err e;

    snprintf(path, sizeof path, "%s", place.path);
    place.path = path;
    if (type == GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK)
        f.link_target = BYTES("some/where");
    answer_stat(f);
    agent_start();
    capture_begin(&c);
    copy = (struct copy){.ctl = &ours, .recursive = recursive};
    assert_int_equal(guest_open(&copy.guest, &ours, NULL, &e), 0);
    pool_init(&copy.pool, &ours, "cp");
    assert_int_equal(copy_down(&copy, "/d", &place), 0);
    pool_close(&copy.pool);
    guest_close(&copy.guest);
    capture_end(&c);
    agent_finish();
    return copy.pool.code;
}

static void a_link_comes_as_a_link(void **state)
{
    char target[64];
    ssize_t n;

    (void)state;
    assert_int_equal(fetch(GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK, true), CTL_OK);
    n = readlink(in_here("copy"), target, sizeof target);
    assert_int_equal(n, 10);
    assert_memory_equal(target, "some/where", 10);
    unlink(in_here("copy"));
}

static void what_is_not_fetched(void **state)
{
    (void)state;
    assert_int_equal(fetch(GUEST__V1__FILE_INFO__TYPE__TYPE_FIFO, true), CTL_REFUSED);
    assert_non_null(strstr(said, "neither a file"));
}

static void directories_want_the_option(void **state)
{
    (void)state;
    assert_int_equal(fetch(GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY, false), CTL_REFUSED);
    assert_non_null(strstr(said, "a directory (-r copies it)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_link_comes_as_a_link),
        T(what_is_not_fetched),
        T(directories_want_the_option),
    };

    return RUN(tests);
}
