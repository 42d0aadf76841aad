#include "files/write_tree.h"

#include <sys/stat.h>

#include "guest/fs/remove.h"
#include "test.h"
#include "tree_rig.h"

#define OPTIONS "{\"options\":{\"path\":\"@/t\"}}"
#define FILE_OF(path64, rest)                                                                                \
    "{\"items\":[{\"entry\":{\"path\":\"" path64 "\",\"type\":\"TYPE_FILE\",\"mode\":384}" rest "}]}"

static atomic_bool never;

static bool there(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void remove_tree(void)
{
    char path[128];
    struct err e;

    snprintf(path, sizeof path, "%s/t", dir);
    assert_int_equal(fs_remove(path, &never, &e), 0);
}

static void it_is_made(void **state)
{
    int fd = tree_call("WriteTree");
    struct stat st;
    char path[64];

    (void)state;
    tree_send(fd, OPTIONS);
    tree_send(fd, FILE_OF("Zg==", ",\"data\":\"eA==\",\"more\":true"));
    assert_false(there("t/f"));
    tree_send(fd, "{\"items\":[{\"data\":\"eXo=\"}]}");
    tree_send(fd, FILE_OF("bm9uZS9m", ""));
    tree_end(fd);
    assert_true(
        tree_says(fd, "{\"files\":\"1\",\"bytes\":\"3\",\"problems\":[{\"path\":\"bm9uZS9m\",\"code\":"
                      "\"not_found\",\"message\":\"open the directory above: no such file or directory\"}],"
                      "\"problemCount\":\"1\"}"));
    snprintf(path, sizeof path, "%s/t/f", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);
    close(fd);
    assert_true(trees_end());
    remove_tree();
}

static void what_ends_it(void **state)
{
    static const struct {
        const char *messages[3], *says;
    } cases[] = {
        {{"{}"}, "options come in the first message"},
        {{OPTIONS, OPTIONS}, "options come in the first message"},
        {{NULL}, "a tree without options"},
        {{"{\"options\":{\"pathBytes\":\"YQBi\"}}"}, "a path with a NUL"},
        {{"{\"options\":{\"path\":\"/dev/null/x\"}}"}, "path is a file"},
        {{OPTIONS, FILE_OF("Li4vZg==", "")}, "not a path below a directory: '../f'"},
        {{OPTIONS, FILE_OF("Zg==", ",\"more\":true")}, "the last file is not complete"},
        {{"{\"options\":{\"path\":\"@/t\",\"stop\":true}}", FILE_OF("bm9uZS9m", "")}, "'none/f' in '"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fd = tree_call("WriteTree");

        for (size_t j = 0; j < 3 && cases[i].messages[j]; j++)
            tree_send(fd, cases[i].messages[j]);
        tree_end(fd);
        assert_true(tree_says(fd, cases[i].says));
        close(fd);
        assert_true(trees_end());
    }
    assert_false(there("f"));
    remove_tree();
}

/* What is open is closed by a worker, and nothing is left of the file under way. */
static void a_client_that_goes(void **state)
{
    int fd = tree_call("WriteTree");
    uint64_t end = clock_mono_ms() + 10000;

    (void)state;
    tree_send(fd, OPTIONS);
    tree_send(fd, FILE_OF("Zg==", ""));
    tree_send(fd, FILE_OF("Zw==", ",\"data\":\"eA==\",\"more\":true"));
    while (!there("t/f") && clock_mono_ms() < end)
        rig_turns(&rig, 1);
    close(fd);
    assert_true(trees_end());
    assert_true(there("t/f"));
    assert_false(there("t/g"));
    remove_tree();
}

static void a_message_that_is_too_large(void **state)
{
    static char large[2 * TREE_BLOCK + 1000];
    int fd = tree_call("WriteTree");
    uint8_t envelope[ENVELOPE_SIZE];
    char head[32];
    size_t n;

    (void)state;
    tree_send(fd, OPTIONS);
    n = (size_t)snprintf(large, sizeof large, "{\"items\":[{\"data\":\"");
    memset(large + n, 'A', 4 * ((TREE_BLOCK + TREE_MESSAGE) / 3 + 1));
    n += 4 * ((TREE_BLOCK + TREE_MESSAGE) / 3 + 1);
    n += (size_t)snprintf(large + n, sizeof large - n, "\"}]}");
    envelope_encode(0, (uint32_t)n, envelope);
    rig_send(&rig, fd, head, (size_t)snprintf(head, sizeof head, "%zx\r\n", n + ENVELOPE_SIZE));
    rig_send(&rig, fd, envelope, ENVELOPE_SIZE);
    for (size_t at = 0; at < n;) {
        at += rig_send(&rig, fd, large + at, n - at);
        usleep(200);
    }
    rig_send(&rig, fd, "\r\n", 2);
    assert_true(tree_says(fd, "resource_exhausted"));
    close(fd);
    assert_true(trees_end());
    remove_tree();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made),
        cmocka_unit_test(what_ends_it),
        cmocka_unit_test(a_client_that_goes),
        cmocka_unit_test(a_message_that_is_too_large),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
