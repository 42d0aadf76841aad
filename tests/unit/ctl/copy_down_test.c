/* A guest that is not to be trusted: its names and links lead nowhere but below the destination. */
#include "test.h"

#include "files_rig.h"

#include "ctl/copy.h"

static struct copy copy;

/* Copies the guest's directory /d, which holds the files, to "copy" here. Returns the exit code; see `said`. */
static int fetch(guest_file **files, size_t n)
{
    struct copy_place place = {.path = in_here("copy")};
    char path[128];
    struct capture c;
    struct err e;

    snprintf(path, sizeof path, "%s", place.path);
    place.path = path;
    answer_stat(file_of(BYTES("d"), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY));
    answer_list(files, n, "");
    agent_start();
    capture_begin(&c);
    copy = (struct copy){.ctl = &ours, .recursive = true};
    assert_int_equal(guest_open(&copy.guest, &ours, NULL, &e), 0);
    pool_init(&copy.pool, &ours, "cp");
    (void)copy_down(&copy, "/d", &place);
    pool_close(&copy.pool);
    guest_close(&copy.guest);
    capture_end(&c);
    return copy.pool.code;
}

static void names_that_are_paths_are_refused(void **state)
{
    guest_file list[] = {
        file_of(BYTES("../out"), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE),
        file_of(BYTES(".."), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY),
        file_of(BYTES("."), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY),
        file_of(BYTES(""), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE),
        file_of(BYTES("a\0b"), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE),
        file_of(BYTES("/etc/x"), GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK),
    };
    guest_file *files[ARRAY_LEN(list)];
    int lines = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        files[i] = &list[i];
    assert_int_equal(fetch(files, ARRAY_LEN(list)), CTL_REFUSED);
    for (const char *p = said; (p = strstr(p, "an entry whose name is none")); p++)
        lines++;
    assert_int_equal(lines, ARRAY_LEN(list));
    assert_int_equal(rmdir(in_here("copy")), 0); /* nothing is in it */
}

/* First a link that leads out, then a directory of the same name: nothing is to be written through it. */
static void a_link_is_not_entered_as_a_directory(void **state)
{
    guest_file link = file_of(BYTES("x"), GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK);
    guest_file directory = file_of(BYTES("x"), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY);
    char target[64];
    ssize_t n;

    (void)state;
    link.link_target = BYTES("/tmp");
    assert_int_equal(fetch((guest_file *[]){&link, &directory}, 2), CTL_REFUSED);
    assert_non_null(strstr(said, "not a directory"));
    n = readlink(in_here("copy/x"), target, sizeof target);
    assert_int_equal(n, 4);
    unlink(in_here("copy/x"));
    assert_int_equal(rmdir(in_here("copy")), 0);
}

/* A directory that was made is not replaced by a link afterwards. */
static void a_directory_does_not_become_a_link(void **state)
{
    guest_file link = file_of(BYTES("x"), GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK);
    guest_file directory = file_of(BYTES("x"), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY);

    (void)state;
    link.link_target = BYTES("/tmp");
    assert_int_not_equal(fetch((guest_file *[]){&directory, &link}, 2), CTL_OK);
    assert_int_equal(rmdir(in_here("copy/x")), 0);
    assert_int_equal(rmdir(in_here("copy")), 0);
}

static void devices_are_not_fetched(void **state)
{
    guest_file fifo = file_of(BYTES("x"), GUEST__V1__FILE_INFO__TYPE__TYPE_FIFO);

    (void)state;
    assert_int_equal(fetch((guest_file *[]){&fifo}, 1), CTL_REFUSED);
    assert_non_null(strstr(said, "neither a file"));
    assert_int_equal(rmdir(in_here("copy")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(names_that_are_paths_are_refused),
        T(a_link_is_not_entered_as_a_directory),
        T(a_directory_does_not_become_a_link),
        T(devices_are_not_fetched),
    };

    return RUN(tests);
}
