#include "files/read_tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "test.h"
#include "tree_rig.h"

static int call(const char *json)
{
    int fd = tree_call("ReadTree");

    tree_send(fd, json);
    tree_end(fd);
    return fd;
}

static void it_is_sent_to_its_end(void **state)
{
    static const char *const parts[] = {"neither a file, a directory nor a link", "\"data\":\"Y29udGVudA==\"",
                                        "\"type\":\"TYPE_DIRECTORY\"", "\r\n0\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        int fd = call("{\"path\":\"@\"}");

        assert_true(tree_says(fd, parts[i]));
        close(fd);
    }
    assert_true(trees_end());
}

static void what_cannot_be_begun(void **state)
{
    static const struct {
        const char *request, *says;
    } cases[] = {
        {"{\"path\":\"@/none\"}", "not_found"},
        {"{\"path\":\"@/file\"}", "failed_precondition"},
        {"{\"pathBytes\":\"YQBi\"}", "a path with a NUL"},
        {"{\"path\":\"@\",\"stop\":true}", "neither a file"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fd = call(cases[i].request);

        assert_true(tree_says(fd, cases[i].says));
        close(fd);
    }
    assert_true(trees_end());
}

/* Nobody reads it: it waits with what two blocks hold, and ends with its client. */
static void a_client_that_does_not_read_and_goes(void **state)
{
    char path[64];
    int file, fd;

    (void)state;
    snprintf(path, sizeof path, "%s/big", dir);
    file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(file, 64 * MIB), 0);
    close(file);
    fd = call("{\"path\":\"@\"}");
    for (int i = 0; i < 100; i++) {
        rig_turns(&rig, 1);
        usleep(500);
    }
    assert_int_equal(files.trees, 1);
    close(fd);
    assert_true(trees_end());
    unlink(path);
}

static void so_many_at_once(void **state)
{
    int fd;

    (void)state;
    files.trees += TREES_MAX;
    fd = call("{\"path\":\"@\"}");
    assert_true(tree_says(fd, "resource_exhausted"));
    close(fd);
    files.trees -= TREES_MAX;
    assert_true(trees_end());
}

static int make(void **state)
{
    char path[64];
    int fd;

    if (setup(state) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/file", dir);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (write(fd, "content", 7) != 7)
        return -1;
    close(fd);
    snprintf(path, sizeof path, "%s/fifo", dir);
    return mkfifo(path, 0600);
}

static int clear(void **state)
{
    char path[64];

    snprintf(path, sizeof path, "%s/file", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/fifo", dir);
    unlink(path);
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_sent_to_its_end),
        cmocka_unit_test(what_cannot_be_begun),
        cmocka_unit_test(a_client_that_does_not_read_and_goes),
        cmocka_unit_test(so_many_at_once),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, make, clear);
}
