/* Calls about files: what is asked for which path, and what an answer makes. */
#include "test.h"

#include "files_rig.h"

#include "ctl/guest.h"

static struct guest g;
static struct answer_error e;

static void paths_are_put_together_and_taken_apart(void **state)
{
    static const char *const joined[][3] = {
        {"/d", "n", "/d/n"}, {"/d/", "n", "/d/n"}, {"/", "n", "/n"}, {"", "n", "/n"}};
    static const char *const bases[][2] = {{"/a/b", "b"}, {"a", "a"}, {"a/b//", "b"},
                                           {"/", ""},     {"", ""},   {"a/.", "."}};

    (void)state;
    assert_string_equal(guest_path(":/x"), "/x");
    assert_string_equal(guest_path("/x"), "/x");
    assert_string_equal(guest_path("::x"), ":x");
    for (size_t i = 0; i < ARRAY_LEN(joined); i++) {
        char *path = guest_join(joined[i][0], joined[i][1]);

        assert_string_equal(path, joined[i][2]);
        free(path);
    }
    for (size_t i = 0; i < ARRAY_LEN(bases); i++)
        assert_true(bytes_are(guest_base(bases[i][0]), bases[i][1]));
    assert_null(guest_text(BYTES("a\0b")));
}

static void a_link_is_followed_when_asked(void **state)
{
    Filesystem__StatResponse to = FILESYSTEM__STAT_RESPONSE__INIT;
    Filesystem__EntryInfo entry = FILESYSTEM__ENTRY_INFO__INIT;
    const guest_file *f;

    (void)state;
    entry.path = "/l";
    entry._symlink_target_case = FILESYSTEM__ENTRY_INFO___SYMLINK_TARGET_SYMLINK_TARGET;
    entry.symlink_target = "/to";
    entry.type = FILESYSTEM__FILE_TYPE__FILE_TYPE_FILE;
    to.entry = &entry;
    answer_stat(file_of(BYTES("l"), GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK));
    answer_stat(file_of(BYTES("l"), GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK));
    answer_message(&to.base);
    answer_stat(file_of(BYTES("to"), GUEST__V1__FILE_INFO__TYPE__TYPE_FILE));
    agent_start();
    assert_int_equal(guest_open(&g, &ours, NULL, &e.err), 0);
    f = guest_stat(&g, "/l", false, &e);
    assert_int_equal(f->type, GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK);
    f = guest_stat(&g, "/l", true, &e);
    assert_int_equal(f->type, GUEST__V1__FILE_INFO__TYPE__TYPE_FILE);
    guest_close(&g);
    agent_finish();
    assert_string_equal(
        ((const Guest__V1__StatFileRequest *)request_message(&guest__v1__stat_file_request__descriptor))
            ->path,
        "/to");
}

static void a_link_to_nothing_is_not_found(void **state)
{
    Filesystem__StatResponse to = FILESYSTEM__STAT_RESPONSE__INIT;
    Filesystem__EntryInfo entry = FILESYSTEM__ENTRY_INFO__INIT;

    (void)state;
    entry._symlink_target_case = FILESYSTEM__ENTRY_INFO___SYMLINK_TARGET_SYMLINK_TARGET;
    entry.path = entry.symlink_target = "/l";
    to.entry = &entry;
    answer_stat(file_of(BYTES("l"), GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK));
    answer_message(&to.base);
    agent_start();
    assert_int_equal(guest_open(&g, &ours, NULL, &e.err), 0);
    assert_null(guest_stat(&g, "/l", true, &e));
    assert_int_equal(e.err.status, STATUS_NOT_FOUND);
    assert_true(e.from_agent);
    guest_close(&g);
}

static void names_that_are_no_text_go_as_bytes_or_not_at_all(void **state)
{
    const Guest__V1__StatFileRequest *m;

    (void)state;
    answer_error("not_found");
    agent_start();
    assert_int_equal(guest_open(&g, &ours, NULL, &e.err), 0);
    assert_int_equal(guest_remove_all(&g, "/\xff", &e), -1);
    assert_int_equal(guest_move(&g, "/x", "\xff", &e), -1);
    assert_int_equal(e.err.status, STATUS_INVALID_ARGUMENT);
    assert_true(e.from_agent);
    assert_null(guest_stat(&g, "/\xff", false, &e));
    assert_int_equal(e.err.status, STATUS_NOT_FOUND);
    guest_close(&g);
    agent_finish();
    m = (const Guest__V1__StatFileRequest *)request_message(&guest__v1__stat_file_request__descriptor);
    assert_string_equal(m->path, "");
    assert_int_equal(m->path_bytes.len, 2);
}

static void a_user_goes_with_each_call(void **state)
{
    (void)state;
    answer_error("not_found");
    agent_http(200, "ETag: \"t\"\r\n", "", 0);
    on_the_same();
    agent_start();
    assert_int_equal(guest_open(&g, &ours, "bob", &e.err), 0);
    assert_int_equal(guest_remove(&g, "/x", &e), -1);
    assert_non_null(strstr(agent.request, "authorization: Basic Ym9iOg=="));
    assert_string_equal(guest_etag(&g, "/x", &e), "\"t\"");
    assert_int_equal(strncmp(agent.request, "HEAD /files?path=/x&username=bob ", 33), 0);
    guest_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(paths_are_put_together_and_taken_apart),
        T(a_link_is_followed_when_asked),
        T(a_link_to_nothing_is_not_found),
        T(names_that_are_no_text_go_as_bytes_or_not_at_all),
        T(a_user_goes_with_each_call),
    };

    return RUN(tests);
}
