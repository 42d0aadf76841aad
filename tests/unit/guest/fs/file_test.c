#include "guest/fs/file.h"

#include "core/limits.h"
#include "tree.h"

static struct arena arena = {.max = MIB};

static void as_the_kernel_has_it(void **state)
{
    struct fs_entry_reader reader;
    struct fs_file f;
    struct err e;

    (void)state;
    make_file("f", "four");
    assert_int_equal(chown(below("f"), 0, 54321), 0);
    assert_int_equal(symlink("../f", below("l")), 0);
    assert_int_equal(fs_entry_reader_init(&reader, &arena, &e), 0);
    assert_int_equal(fs_file_read_at(&reader, AT_FDCWD, below("f"), "f", &f, &e), 0);
    assert_int_equal(f.st.st_size, 4);
    assert_string_equal(f.owner, "root");
    assert_string_equal(f.group, ""); /* it has none */
    assert_null(f.link_target);
    assert_int_equal(fs_file_read_at(&reader, AT_FDCWD, below("l"), "l", &f, &e), 0);
    assert_true(S_ISLNK(f.st.st_mode));
    assert_string_equal(f.link_target, "../f");
    assert_int_equal(fs_file_read_at(&reader, AT_FDCWD, below("none"), "none", &f, &e), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    assert_string_equal(e.text, "stat 'none': no such file or directory");
    fs_entry_reader_clear(&reader);
}

static void what_is_no_link(void **state)
{
    struct err e;

    (void)state;
    assert_null(fs_read_link(AT_FDCWD, below("f"), &arena, &e));
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    assert_null(fs_read_link(AT_FDCWD, below("none"), &arena, &e));
    assert_int_equal(e.status, STATUS_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_kernel_has_it),
        cmocka_unit_test(what_is_no_link),
    };
    int ret = cmocka_run_group_tests_name(__FILE__, tests, setup, clear);

    arena_clear(&arena);
    return ret;
}
