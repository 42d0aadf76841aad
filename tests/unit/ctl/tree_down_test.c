/* A guest that is not to be trusted: its names and links lead nowhere but below the destination. */
#include "test.h"

#include "files_rig.h"

#include "ctl/tree.h"
#include "stream_rig.h"

static struct copy copy;

static Guest__V1__TreeEntry entry_of(const char *path, Guest__V1__FileInfo__Type type)
{
    Guest__V1__TreeEntry m = GUEST__V1__TREE_ENTRY__INIT;

    m.path = (ProtobufCBinaryData){strlen(path), (uint8_t *)(uintptr_t)path};
    m.type = type;
    m.mode = 07755;
    if (type == GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK)
        m.link_target = BYTES("/tmp");
    return m;
}

#define FILE_AT(path)      entry_of(path, GUEST__V1__FILE_INFO__TYPE__TYPE_FILE)
#define DIRECTORY_AT(path) entry_of(path, GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY)
#define LINK_AT(path)      entry_of(path, GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK)

/* The guest sends the entry; of a file with this content. */
static void add(Guest__V1__TreeEntry entry, const char *content, bool more)
{
    Guest__V1__ReadTreeResponse r = GUEST__V1__READ_TREE_RESPONSE__INIT;
    Guest__V1__TreeItem item = GUEST__V1__TREE_ITEM__INIT, *list[] = {&item};
    uint8_t packed[1024];

    item.entry = &entry;
    item.data = (ProtobufCBinaryData){strlen(content), (uint8_t *)(uintptr_t)content};
    item.more = more;
    r.items = list;
    r.n_items = 1;
    stream_message(0, packed, protobuf_c_message_pack(&r.base, packed));
}

static void add_problem(const char *path)
{
    Guest__V1__ReadTreeResponse r = GUEST__V1__READ_TREE_RESPONSE__INIT;
    Guest__V1__TreeItem item = GUEST__V1__TREE_ITEM__INIT, *list[] = {&item};
    Guest__V1__TreeProblem problem = GUEST__V1__TREE_PROBLEM__INIT;
    uint8_t packed[1024];

    problem.path = (ProtobufCBinaryData){strlen(path), (uint8_t *)(uintptr_t)path};
    problem.code = (char *)(uintptr_t) "permission_denied";
    problem.message = (char *)(uintptr_t) "it is locked";
    item.problem = &problem;
    r.items = list;
    r.n_items = 1;
    stream_message(0, packed, protobuf_c_message_pack(&r.base, packed));
}

/* Copies what was added, and that end (NULL: nothing was), to "copy" here. Returns the exit code; see `said`. */
static int fetch(const char *end)
{
    char path[128];
    struct capture c;
    struct err e;

    snprintf(path, sizeof path, "%s", in_here("copy"));
    if (end)
        stream_finish(end);
    agent_start();
    capture_begin(&c);
    copy = (struct copy){.ctl = &ours, .recursive = true};
    assert_int_equal(guest_open(&copy.guest, &ours, NULL, &e), 0);
    pool_init(&copy.pool, &ours, "cp");
    assert_int_equal(tree_down(&copy, "/d", path), 0);
    pool_close(&copy.pool);
    guest_close(&copy.guest);
    capture_end(&c);
    agent_finish();
    return copy.pool.code;
}

/* A tree with a directory; the rest is to follow. */
static void begin(void)
{
    stream_begin();
    add(DIRECTORY_AT(""), "", false);
}

static void it_arrives(void **state)
{
    struct stat st;

    (void)state;
    begin();
    add(DIRECTORY_AT("d"), "", false);
    add(FILE_AT("d/f"), "content", false);
    add_problem("d/locked");
    add(LINK_AT("l"), "", false);
    assert_int_equal(fetch("{}"), CTL_REFUSED);
    assert_string_equal(said, "guestctl: cp '/d/d/locked': it is locked\n");
    assert_string_equal(read_here("copy/d/f"), "content");
    assert_int_equal(stat(in_here("copy/d/f"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755); /* without set-user-ID bits */
    assert_int_equal(copy.pool.progress.files, 2);
    assert_int_equal(copy.pool.progress.bytes, 7);
    unlink(in_here("copy/l"));
    unlink(in_here("copy/d/f"));
    rmdir(in_here("copy/d"));
    assert_int_equal(rmdir(in_here("copy")), 0);
}

static void names_that_are_paths_end_it(void **state)
{
    static const char *const names[] = {"../out", "..", "./../../out", "/etc/x", "d//f"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        agent.count = 0;
        begin();
        add(FILE_AT(names[i]), "x", false);
        add(FILE_AT("f"), "never", false);
        assert_int_equal(fetch("{}"), CTL_REFUSED);
        assert_non_null(strstr(said, "not a path below a directory"));
        assert_int_equal(rmdir(in_here("copy")), 0); /* nothing is in it */
    }
}

/* First a link that leads out, then a file in a directory of the same name. */
static void a_link_is_not_entered_as_a_directory(void **state)
{
    (void)state;
    begin();
    add(LINK_AT("x"), "", false);
    add(FILE_AT("x/guestd-escaped"), "x", false);
    add(DIRECTORY_AT("x"), "", false);
    assert_int_equal(fetch("{}"), CTL_REFUSED);
    assert_non_null(strstr(said, "cp '/d/x/guestd-escaped': "));
    assert_non_null(strstr(said, "cp '/d/x': "));
    assert_int_equal(access("/tmp/guestd-escaped", F_OK), -1);
    assert_int_equal(unlink(in_here("copy/x")), 0);
    assert_int_equal(rmdir(in_here("copy")), 0);
}

static void devices_are_not_made(void **state)
{
    (void)state;
    begin();
    add(entry_of("x", GUEST__V1__FILE_INFO__TYPE__TYPE_BLOCK_DEVICE), "", false);
    assert_int_equal(fetch("{}"), CTL_REFUSED);
    assert_non_null(strstr(said, "neither a file"));
    assert_int_equal(rmdir(in_here("copy")), 0);
}

/* Nothing is left of a file that has not come to its end. */
static void a_half_file_goes(void **state)
{
    (void)state;
    begin();
    add(FILE_AT("f"), "half", true);
    assert_int_equal(fetch("{\"error\":{\"code\":\"aborted\",\"message\":\"it is said\"}}"), CTL_REFUSED);
    assert_string_equal(said, "guestctl: cp '/d': it is said\n");
    assert_int_equal(rmdir(in_here("copy")), 0);
    agent.count = 0;
    begin();
    add(FILE_AT("f"), "half", true);
    assert_int_equal(fetch("{}"), CTL_REFUSED);
    assert_non_null(strstr(said, "the last file is not complete"));
    assert_int_equal(rmdir(in_here("copy")), 0);
}

/* The destination is none. */
static void a_file_in_the_way(void **state)
{
    (void)state;
    write_here("copy", "x");
    assert_int_equal(fetch(NULL), CTL_REFUSED);
    assert_non_null(strstr(said, "not a directory"));
    unlink(in_here("copy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_arrives),
        T(names_that_are_paths_end_it),
        T(a_link_is_not_entered_as_a_directory),
        T(devices_are_not_made),
        T(a_half_file_goes),
        T(a_file_in_the_way),
    };

    return RUN(tests);
}
