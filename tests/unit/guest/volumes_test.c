#include "guest/volumes.c"

#include "test.h"

static struct volume v;
static struct err e;

static int volume_of(const char *target, const char *path)
{
    return volume_take(&v, bytes_of(target), bytes_of(path), &e);
}

static void a_volume_has_an_address_and_a_path(void **state)
{
    (void)state;
    assert_int_equal(volume_of("10.0.0.1:/a:/b", "/mnt/x"), 0);
    assert_string_equal(v.target, "10.0.0.1:/a:/b");
    assert_string_equal(v.path, "/mnt/x");
    assert_int_equal(volume_of("[fd00::1]:/", "/m"), 0);
}

static void what_is_none_is_refused(void **state)
{
    static const char *const cases[][2] = {
        {"", "/m"},           {"10.0.0.1", "/m"},      {"10.0.0.1:x", "/m"},  {"server:/x", "/m"},
        {"fd00::1:/x", "/m"}, {"[10.0.0.1]:/x", "/m"}, {":/x", "/m"},         {"10.0.0.1:/x", ""},
        {"10.0.0.1:/x", "m"}, {"10.0.0.1:/x", "/"},    {"10.0.0.1:/x", "//"}, {"10.0.0.1:/x\n", "/m"},
    };
    char long_path[VOLUME_TEXT_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (volume_of(cases[i][0], cases[i][1]) == 0)
            fail_msg("'%s' at '%s' is a volume", cases[i][0], cases[i][1]);
    assert_int_equal(volume_take(&v, (struct bytes){NULL, 0}, bytes_of("/m"), &e), -1);
    memset(long_path, '/', VOLUME_TEXT_MAX);
    long_path[1] = 'x';
    long_path[VOLUME_TEXT_MAX] = 0;
    assert_int_equal(volume_of("10.0.0.1:/x", long_path), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
}

static void the_kernel_is_told_the_address(void **state)
{
    char options[512];

    (void)state;
    assert_int_equal(volume_of("[fd00::1]:/x", "/m"), 0);
    volume_options(&v, options);
    assert_string_equal(
        options,
        "vers=3,hard,sync,rsize=1048576,wsize=1048576,proto=tcp,port=2049,mountproto=tcp,mountport=2049,"
        "noacl,noac,lookupcache=none,nolock,addr=fd00::1,mountaddr=fd00::1");
}

static void the_table_says_what_lies_on_a_path(void **state)
{
    static const char nfs_line[] =
        "36 35 0:50 / /mnt/a\\040b rw,noatime shared:1 - nfs 10.0.0.1:/x rw,vers=3",
                      tmpfs_line[] = "36 35 0:50 / /mnt/a rw - tmpfs none rw";
    char escaped[4 * VOLUME_TEXT_MAX];
    bool nfs = false;

    (void)state;
    escape("/mnt/a b", escaped);
    assert_string_equal(escaped, "/mnt/a\\040b");
    assert_true(is_line_of(nfs_line, escaped, &nfs));
    assert_true(nfs);
    assert_false(is_line_of(nfs_line, "/mnt", &nfs));
    assert_false(is_line_of(nfs_line, "/mnt/a", &nfs));
    assert_true(is_line_of(tmpfs_line, "/mnt/a", &nfs));
    assert_false(nfs);
    for (const char *const *bad = (const char *const[]){"", "a", "a b c d", "a b c d /mnt/a", NULL}; *bad;
         bad++)
        assert_false(is_line_of(*bad, "/mnt/a", &nfs));
    assert_false(is_nfs("/proc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_volume_has_an_address_and_a_path),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(the_kernel_is_told_the_address),
        cmocka_unit_test(the_table_says_what_lies_on_a_path),
    };

    return RUN(tests);
}
