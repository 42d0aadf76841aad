#include "files/tree_message.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/limits.h"
#include "rpc/codec/codec.h"
#include "test.h"

static char from[] = "/tmp/guestd-from-XXXXXX", to[] = "/tmp/guestd-to-XXXXXX";

static const char *in(const char *dir, const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static int open_dir(const char *dir)
{
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void fill(const char *name, size_t size)
{
    int fd = open(in(from, name), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0640);

    for (size_t i = 0; i < size; i++)
        assert_int_equal(write(fd, &(char){(char)(i * 7)}, 1), 1);
    close(fd);
}

static size_t size_of(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return (size_t)st.st_size;
}

/* What is read goes, through protobuf's form, to where it is written: several messages of a bounded size. */
static void there_and_back(void **state)
{
    struct fs_tree_reader r;
    struct fs_tree_writer w;
    struct tree_items items;
    size_t messages = 0;
    struct err e;
    int ret = 1;

    (void)state;
    fill("big", 3 * TREE_MESSAGE + 5);
    fill("small", 3);
    fill("none", 0);
    assert_int_equal(symlink("big", in(from, "link")), 0);
    assert_int_equal(fs_tree_read_begin(&r, open_dir(from), &e), 0);
    assert_int_equal(
        fs_tree_write_begin(&w, open_dir(to), &(struct fs_tree_write_options){.mode_mask = 0777}, &e), 0);
    while (ret == 1) {
        struct arena a = {.max = SIZE_MAX}, b = {.max = DECODE_MAX};
        Guest__V1__ReadTreeResponse m = GUEST__V1__READ_TREE_RESPONSE__INIT;
        uint8_t *packed = malloc(4 * (size_t)TREE_MESSAGE);
        const Guest__V1__ReadTreeResponse *got;
        size_t len;

        ret = tree_message_read(&r, &a, &items, &e);
        m.items = items.list;
        m.n_items = items.count;
        len = protobuf_c_message_pack(&m.base, packed);
        assert_true(len <= 2 * (size_t)TREE_MESSAGE);
        got = (void *)codec_decode(CODEC_PROTO, m.base.descriptor, (struct bytes){(const char *)packed, len},
                                   &b, &e);
        for (size_t i = 0; i < got->n_items; i++)
            assert_int_equal(tree_message_write(&w, got->items[i], &e), 0);
        arena_clear(&a);
        arena_clear(&b);
        free(packed);
        messages++;
    }
    assert_int_equal(ret, 0);
    assert_true(messages >= 4);
    assert_int_equal(fs_tree_write_finish(&w, &e), 0);
    assert_int_equal(w.bytes, 3 * TREE_MESSAGE + 5 + 3);
    fs_tree_read_end(&r);
    fs_tree_write_abandon(&w);
    assert_int_equal(size_of(in(to, "big")), 3 * TREE_MESSAGE + 5);
    assert_int_equal(size_of(in(to, "small")), 3);
    assert_int_equal(size_of(in(to, "none")), 0);
    assert_int_equal(size_of(in(to, "link")), 3);
}

static int write_one(Guest__V1__TreeEntry *entry, Guest__V1__TreeProblem *problem, bool more, struct err *e)
{
    static struct fs_tree_writer w;
    static bool begun;
    Guest__V1__TreeItem item = GUEST__V1__TREE_ITEM__INIT;
    int ret;

    if (!begun)
        assert_int_equal(
            fs_tree_write_begin(&w, open_dir(to), &(struct fs_tree_write_options){.mode_mask = 0777}, e), 0);
    begun = true;
    item.entry = entry;
    item.problem = problem;
    item.more = more;
    ret = tree_message_write(&w, &item, e);
    if (ret == 0 && more) {
        assert_int_equal(tree_message_path(&w, &(Guest__V1__TreeItem)GUEST__V1__TREE_ITEM__INIT).len, 4);
        return ret;
    }
    fs_tree_write_abandon(&w);
    begun = false;
    return ret;
}

static void what_no_tree_has(void **state)
{
    Guest__V1__TreeEntry entry = GUEST__V1__TREE_ENTRY__INIT;
    Guest__V1__TreeProblem problem = GUEST__V1__TREE_PROBLEM__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    struct err e;

    (void)state;
    entry.path = (ProtobufCBinaryData){4, (uint8_t *)(uintptr_t) "name"};
    assert_int_equal(write_one(&entry, NULL, false, &e), FS_TREE_REFUSED); /* no type */
    entry.type = GUEST__V1__FILE_INFO__TYPE__TYPE_SOCKET;
    assert_int_equal(write_one(&entry, NULL, false, &e), FS_TREE_REFUSED);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    entry.type = GUEST__V1__FILE_INFO__TYPE__TYPE_FILE;
    entry.modified_time = &time;
    time.nanos = 1000000000;
    assert_int_equal(write_one(&entry, NULL, false, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    time.nanos = -1;
    assert_int_equal(write_one(&entry, NULL, false, &e), -1);
    time.nanos = 5;
    assert_int_equal(write_one(NULL, NULL, false, &e), -1); /* content of no file */
    assert_int_equal(write_one(&entry, NULL, true, &e), 0);
    assert_int_equal(write_one(NULL, &problem, false, &e), 0); /* that file is none */
    assert_int_equal(access(in(to, "name"), F_OK), -1);
}

static int setup(void **state)
{
    (void)state;
    codec_init();
    return mkdtemp(from) && mkdtemp(to) ? 0 : -1;
}

/* Fails when something else is there. */
static int clear(void **state)
{
    static const char *const names[] = {"big", "small", "none", "link"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        unlink(in(from, names[i]));
        unlink(in(to, names[i]));
    }
    return rmdir(from) < 0 || rmdir(to) < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(what_no_tree_has),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, clear);
}
