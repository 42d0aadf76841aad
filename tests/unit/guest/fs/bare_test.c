#include "guest/fs/bare.c"

#include "test.h"

static const struct timespec changed = {1000, 999999999}, later = {1001, 200000000};

static struct stat entry(ino_t inode)
{
    return (struct stat){.st_dev = 7, .st_ino = inode, .st_ctim = changed};
}

static void what_was_found_is_known(void **state)
{
    struct stat st = entry(1), other = st;

    (void)state;
    assert_false(fs_bare_known(&st));
    fs_bare_keep(&st, &later);
    assert_true(fs_bare_known(&st));
    other.st_ino = 2;
    assert_false(fs_bare_known(&other));
    other = st;
    other.st_dev = 8;
    assert_false(fs_bare_known(&other));
}

static void a_change_makes_it_unknown(void **state)
{
    struct stat st = entry(3);

    (void)state;
    fs_bare_keep(&st, &later);
    st.st_ctim.tv_nsec--;
    assert_false(fs_bare_known(&st));
    st.st_ctim = (struct timespec){changed.tv_sec + 1, changed.tv_nsec};
    assert_false(fs_bare_known(&st));
}

/* What follows could leave the ctime as it is. */
static void what_has_just_changed_is_not_kept(void **state)
{
    static const struct timespec times[] = {{1000, 999999999}, {1001, 99999999}, {999, 0}};
    struct stat st = entry(4);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        fs_bare_keep(&st, &times[i]);
        assert_false(fs_bare_known(&st));
    }
    st.st_ctim.tv_nsec = 0; /* perhaps whole seconds are all that the file system has */
    fs_bare_keep(&st, &(struct timespec){2000, 5});
    assert_false(fs_bare_known(&st));
}

static void the_table_is_bounded(void **state)
{
    unsigned known = 0;

    (void)state;
    for (ino_t i = 100; i < 100 + 10 * BARE_KEPT; i++) {
        struct stat st = entry(i);

        fs_bare_keep(&st, &later);
        assert_true(fs_bare_known(&st)); /* the newest always has a place */
    }
    for (ino_t i = 100; i < 100 + 10 * BARE_KEPT; i++) {
        struct stat st = entry(i);

        known += fs_bare_known(&st);
    }
    assert_in_range(known, BARE_KEPT / 2, BARE_KEPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_found_is_known),
        cmocka_unit_test(a_change_makes_it_unknown),
        cmocka_unit_test(what_has_just_changed_is_not_kept),
        cmocka_unit_test(the_table_is_bounded),
    };

    return RUN(tests);
}
