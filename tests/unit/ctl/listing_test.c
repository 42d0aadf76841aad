/* How entries are shown, also those whose names are no text. */
#include "test.h"

#include "ctl_rig.h"

#include "ctl/listing.h"

#define BYTES(s) ((ProtobufCBinaryData){sizeof(s) - 1, (uint8_t *)(uintptr_t)(s)})

static Google__Protobuf__Timestamp when = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

static guest_file entry(void)
{
    guest_file f = GUEST__V1__FILE_INFO__INIT;

    when.seconds = 86400;
    when.nanos = 500000000;
    f.name = BYTES("na\xffme");
    f.path = BYTES("/d/na\xffme");
    f.type = GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK;
    f.mode = 0120777;
    f.uid = 7;
    f.group = "users";
    f.gid = 100;
    f.size = 12;
    f.blocks = 8;
    f.inode = 5;
    f.device = 9;
    f.links = 2;
    f.link_target = BYTES("to");
    f.modified_time = &when;
    return f;
}

static void bits_are_letters(void **state)
{
    static const struct {
        uint32_t mode;
        const char *text;
    } cases[] = {{0644, "-rw-r--r--"},  {0, "----------"},     {07777, "-rwsrwsrwt"},
                 {07000, "---S--S--T"}, {01755, "-rwxr-xr-t"}, {0100421, "-r---w---x"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[11];

        listing_mode(cases[i].mode, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void each_form_has_all_of_it(void **state)
{
    guest_file f = entry();
    struct capture c;

    (void)state;
    setenv("TZ", "UTC", 1);
    capture_begin(&c);
    listing_long(&f);
    capture_end(&c);
    assert_string_equal(printed,
                        "lrwxrwxrwx  2 7        users           12 1970-01-02 00:00 na\xffme -> to\n");
    capture_begin(&c);
    listing_block(&f);
    capture_end(&c);
    assert_non_null(strstr(printed, "path      /d/na\xffme\ntype      symlink\ntarget    to\n"
                                    "mode      0777 (lrwxrwxrwx)\nowner     7 (7), group 100 (users)\n"
                                    "size      12 bytes, 8 blocks\ninode     5 on device 9, 2 links\n"
                                    "modified  1970-01-02T00:00:00.500Z\n"));
    capture_begin(&c);
    assert_int_equal(listing_json(&f), 0);
    capture_end(&c);
    assert_string_equal(
        printed,
        "{\"path\":\"/d/na\xef\xbf\xbdme\",\"path_bytes\":\"L2QvbmH/bWU=\",\"name\":\"na\xef\xbf\xbdme\","
        "\"name_bytes\":\"bmH/bWU=\",\"target\":\"to\",\"type\":\"symlink\",\"mode\":\"0777\",\"uid\":7,"
        "\"gid\":100,\"owner\":\"\",\"group\":\"users\",\"size\":12,\"blocks\":8,\"inode\":5,\"device\":9,"
        "\"links\":2,\"modified\":\"1970-01-02T00:00:00.500Z\",\"changed\":\"\",\"accessed\":\"\"}\n");
}

/* A type of an agent that is newer than we are. */
static void an_unknown_type_is_said(void **state)
{
    guest_file f = entry();
    struct capture c;

    (void)state;
    f.type = (Guest__V1__FileInfo__Type)99;
    capture_begin(&c);
    listing_long(&f);
    capture_end(&c);
    assert_int_equal(*printed, '?');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_are_letters),
        cmocka_unit_test(each_form_has_all_of_it),
        cmocka_unit_test(an_unknown_type_is_said),
    };

    return RUN(tests);
}
