/* What mount(8) takes behind -o. */
#include "test.h"

#include <sys/mount.h>

#include "init/mount_options.h"

static void words(void **state)
{
    static const struct {
        const char *text;
        unsigned long flags, propagation;
        const char *data;
    } cases[] = {
        {NULL, 0, 0, ""},
        {"", 0, 0, ""},
        {"defaults,noauto,_netdev,x-systemd.automount,,user", 0, 0, ""},
        {"ro,nosuid,nodev,noexec", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 0, ""},
        {"ro,rw", 0, 0, ""},
        {"noatime,relatime", MS_RELATIME, 0, ""},
        {"size=1m,nosuid,mode=0700", MS_NOSUID, 0, "size=1m,mode=0700"},
        {"rbind,rslave", MS_BIND | MS_REC, MS_SLAVE | MS_REC, ""},
        {"context=\"a,ro,b\",ro", MS_RDONLY, 0, "context=\"a,ro,b\""},
        {"x-", 0, 0, "x-"},
        {"ro=1,size", 0, 0, "ro=1,size"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct mount_options o = {0};

        assert_int_equal(mount_options_parse(cases[i].text, &o, NULL), 0);
        assert_int_equal(o.flags, cases[i].flags);
        assert_int_equal(o.propagation, cases[i].propagation);
        assert_string_equal(o.data, cases[i].data);
        assert_false(o.nofail);
    }
}

static void they_add_to_what_is_there(void **state)
{
    struct mount_options o = {.flags = MS_RDONLY, .data = "a"};

    (void)state;
    assert_int_equal(mount_options_parse("rw,nofail,b", &o, NULL), 0);
    assert_int_equal(o.flags, 0);
    assert_true(o.nofail);
    assert_string_equal(o.data, "a,b");
}

static void the_data_is_bounded(void **state)
{
    struct mount_options o = {0};
    char text[MOUNT_DATA_MAX + 1];
    struct err e;

    (void)state;
    memset(text, 'a', sizeof text);
    text[MOUNT_DATA_MAX - 1] = 0;
    assert_int_equal(mount_options_parse(text, &o, &e), 0);
    assert_int_equal(strlen(o.data), MOUNT_DATA_MAX - 1);
    assert_int_equal(mount_options_parse("b", &o, &e), -1);
    assert_string_equal(e.text, "options are longer than 4095 bytes");
    o = (struct mount_options){0};
    text[MOUNT_DATA_MAX - 1] = 'a';
    text[MOUNT_DATA_MAX] = 0;
    assert_int_equal(mount_options_parse(text, &o, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(they_add_to_what_is_there),
        cmocka_unit_test(the_data_is_bounded),
    };

    return RUN(tests);
}
