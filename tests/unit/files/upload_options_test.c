#include "files/upload_options.h"

#include <stdio.h>

#include "test.h"

static struct intake in;
static struct err e;

static int setup(void **state)
{
    (void)state;
    intake_init(&in);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    intake_clear(&in);
    return 0;
}

static int ask(const char *query, bool whole)
{
    struct http_exchange x = {.query = bytes_of(query)};

    in.options = (struct fs_write_options){0};
    return upload_options_query(&x, whole, &in, &e);
}

static void nothing_is_asked_for(void **state)
{
    static const struct fs_write_options none;

    (void)state;
    assert_int_equal(ask("", true), 0);
    assert_memory_equal(&in.options, &none, sizeof none);
    assert_null(in.path);
    assert_int_equal(ask("path=&atomic=0&special=false", true), 0);
    assert_memory_equal(&in.options, &none, sizeof none);
    assert_null(in.path);
}

static void each_flag(void **state)
{
    (void)state;
    assert_int_equal(ask("path=%2Fa+b&atomic=1&mode=0755&mtime=12.5", true), 0);
    assert_string_equal(in.path, "/a b");
    assert_true(in.options.atomic && in.options.has_mode && in.options.has_mtime);
    assert_int_equal(in.options.mode, 0755);
    assert_int_equal(in.options.mtime.tv_sec, 12);
    assert_int_equal(in.options.mtime.tv_nsec, 500000000);
    assert_int_equal(in.options.sync, FS_SYNC_FILE);
    assert_int_equal(ask("atomic=true&fsync=none", true), 0);
    assert_int_equal(in.options.sync, FS_SYNC_NONE);
    assert_int_equal(ask("atomic&fsync=all", true), 0);
    assert_int_equal(in.options.sync, FS_SYNC_ALL);
    assert_int_equal(ask("special=1&fsync=file&mode=7777&mtime=-2.25", true), 0);
    assert_true(in.options.special);
    assert_int_equal(in.options.mode, 07777);
    assert_int_equal(in.options.mtime.tv_sec, -3);
    assert_int_equal(in.options.mtime.tv_nsec, 750000000);
    assert_int_equal(ask("offset=9223372036854775807", true), 0);
    assert_true(in.options.has_offset && in.options.offset == INT64_MAX);
}

static void what_is_wrong(void **state)
{
    static const char *const queries[] = {
        "mode=",
        "mode=8",
        "mode=10000",
        "mode=-1",
        "mode=0755x",
        "mode=%zz",
        "mtime=",
        "mtime=x",
        "mtime=1.",
        "mtime=1.0000000000",
        "mtime=1.5x",
        "mtime=99999999999999999999",
        "offset=",
        "offset=-1",
        "offset=1x",
        "offset=9223372036854775808",
        "atomic=2",
        "special=yes",
        "fsync=",
        "fsync=disk",
        "path=%00",
        "path=%zz",
        "atomic=1&offset=0",
        "atomic=1&special=1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        assert_int_equal(ask(queries[i], true), -1);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(e.text, "parameter"));
    }
    assert_int_equal(ask("offset=1", false), -1); /* in parts, or compressed */
}

/* Reads the fields: pairs of name and value. */
static int read_fields(const char *const (*fields)[2], size_t count)
{
    struct http_exchange x = {.method = "POST"};
    int ret;

    for (size_t i = 0; i < count; i++)
        assert_int_equal(http_fields_add(&x.request, fields[i][0], bytes_of(fields[i][1])), 0);
    in.metadata.count = 0;
    ret = upload_options_metadata(&x, &in, &e);
    http_fields_clear(&x.request);
    return ret;
}

static void metadata(void **state)
{
    static const char *const fields[][2] = {{"X-Metadata-Author", "me"},
                                            {"x-metadata-", "no name"},
                                            {"x-metadata-author", "you"},
                                            {"x-other", "x"},
                                            {"x-metadata-empty", ""}};

    (void)state;
    assert_int_equal(read_fields(fields, ARRAY_LEN(fields)), 0);
    assert_int_equal(in.metadata.count, 2);
    assert_string_equal(in.metadata.list[0].name, "author");
    assert_string_equal(in.metadata.list[0].value, "me");
    assert_string_equal(in.metadata.list[1].value, "");
    assert_false(in.keep_metadata);
    in.options.has_offset = true; /* a piece of a file says nothing of the whole */
    assert_int_equal(read_fields(fields, 0), 0);
    assert_true(in.keep_metadata);
    assert_int_equal(read_fields(fields, 1), 0);
    assert_false(in.keep_metadata);
}

static void too_much_metadata(void **state)
{
    static char name[11 + 247 + 1] = "x-metadata-", value[4097];
    const char *const one[][2] = {{name, "x"}}, *const large[][2] = {{"x-metadata-k", value}};
    static const char *const odd[][2] = {{"x-metadata-k", "\xc3\xbc"}};

    (void)state;
    memset(name + 11, 'n', 246);
    assert_int_equal(read_fields(one, 1), 0);
    name[11 + 246] = 'n';
    assert_int_equal(read_fields(one, 1), -1);
    memset(value, 'v', 4096 - 9 - 1);
    assert_int_equal(read_fields(large, 1), 0);
    value[4096 - 9 - 1] = 'v';
    assert_int_equal(read_fields(large, 1), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(e.text, "invalid metadata: "));
    assert_int_equal(read_fields(odd, 1), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(nothing_is_asked_for), T(each_flag), T(what_is_wrong), T(metadata),
                                       T(too_much_metadata)};

    return RUN(tests);
}
