#include "files/file_message.h"

#include "core/limits.h"
#include "test.h"

static struct arena arena = {.max = MIB};

static void all_of_it(void **state)
{
    struct fs_file f = {.st = {.st_mode = S_IFLNK | 0777,
                               .st_uid = 1,
                               .st_gid = 2,
                               .st_size = 3,
                               .st_blocks = 4,
                               .st_ino = 5,
                               .st_dev = 6,
                               .st_nlink = 7,
                               .st_mtim = {.tv_sec = 8, .tv_nsec = 9},
                               .st_ctim = {.tv_sec = 10},
                               .st_atim = {.tv_sec = 11}},
                        .owner = "a\xFF",
                        .group = "",
                        .link_target = "t\xFF"};
    Guest__V1__FileInfo *m = file_message(&f, "n\xFF", "/n\xFF", &arena);

    (void)state;
    assert_int_equal(m->name.len, 2);
    assert_memory_equal(m->path.data, "/n\xFF", 3); /* bytes are not changed */
    assert_int_equal(m->type, GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK);
    assert_int_equal(m->mode, S_IFLNK | 0777);
    assert_int_equal(m->uid, 1);
    assert_int_equal(m->gid, 2);
    assert_int_equal(m->size, 3);
    assert_int_equal(m->blocks, 4);
    assert_int_equal(m->inode, 5);
    assert_int_equal(m->device, 6);
    assert_int_equal(m->links, 7);
    assert_int_equal(m->modified_time->seconds, 8);
    assert_int_equal(m->modified_time->nanos, 9);
    assert_int_equal(m->changed_time->seconds, 10);
    assert_int_equal(m->accessed_time->seconds, 11);
    assert_string_equal(m->owner, "a\xEF\xBF\xBD"); /* a string is */
    assert_string_equal(m->group, "");
    assert_memory_equal(m->link_target.data, "t\xFF", 2);
}

static void each_type(void **state)
{
    static const struct {
        mode_t mode;
        Guest__V1__FileInfo__Type type;
    } all[] = {
        {S_IFREG, GUEST__V1__FILE_INFO__TYPE__TYPE_FILE},
        {S_IFDIR, GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY},
        {S_IFIFO, GUEST__V1__FILE_INFO__TYPE__TYPE_FIFO},
        {S_IFSOCK, GUEST__V1__FILE_INFO__TYPE__TYPE_SOCKET},
        {S_IFCHR, GUEST__V1__FILE_INFO__TYPE__TYPE_CHARACTER_DEVICE},
        {S_IFBLK, GUEST__V1__FILE_INFO__TYPE__TYPE_BLOCK_DEVICE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct fs_file f = {.st = {.st_mode = all[i].mode | 0600}, .owner = "", .group = ""};

        assert_int_equal(file_message(&f, "n", "/n", &arena)->type, all[i].type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it),
        cmocka_unit_test(each_type),
    };
    int ret = RUN(tests);

    arena_clear(&arena);
    return ret;
}
