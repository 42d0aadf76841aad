/* ls and stat: all pages, in order. */
#include "test.h"

#include "files_rig.h"

static void pages_become_one_sorted_list(void **state)
{
    guest_file b = file_of(BYTES("b"), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE),
               hidden = file_of(BYTES(".x"), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE),
               ab = file_of(BYTES("ab"), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY),
               a = file_of(BYTES("a"), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE);

    (void)state;
    answer_stat(file_of(BYTES("d"), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY));
    answer_list((guest_file *[]){&b, &hidden}, 2, "next");
    answer_list((guest_file *[]){&ab, &a}, 2, "");
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "ls", "-p", ":/d"), CTL_OK);
    agent_finish();
    assert_string_equal(printed, "a\nab/\nb\n");
    assert_string_equal(
        ((const Guest__V1__ListFilesRequest *)request_message(&guest__v1__list_files_request__descriptor))
            ->page,
        "next");
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    answer_error("not_found");
    answer_stat(file_of(BYTES("f"), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE));
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "ls", "/no", "/f"), CTL_REFUSED);
    assert_string_equal(said, "guestctl: ls '/no': it is said\n");
    assert_string_equal(printed, "f\n");
}

static void stat_wants_a_path(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("stat"), CTL_USAGE);
    assert_int_equal(GUESTCTL("stat", "--nope"), CTL_USAGE);
    assert_int_equal(GUESTCTL("ls", "--nope"), CTL_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pages_become_one_sorted_list),
        T(what_is_missing_is_told),
        T(stat_wants_a_path),
    };

    return RUN(tests);
}
