/* What a request for a file is answered with. */
#include "files/download_rest.c"

#include "download_rig.h"

static int setup(void **state)
{
    (void)state;
    setup_files(download_rest_register);
    return 0;
}

/* The answer's status; the answer is in `got`. */
static int ask(const char *method, const char *name, const char *fields)
{
    int fd = get(method, name, fields);

    receive(fd, SIZE_MAX);
    close(fd);
    return atoi(got + strlen("HTTP/1.1 "));
}

/* A field's value in the answer; "" without one. */
static const char *field(const char *name)
{
    static char value[200];
    const char *at = strcasestr(got, name);

    *value = 0;
    if (at)
        sscanf(at + strlen(name), ": %199[^\r]", value);
    return value;
}

static void whole_files(void **state)
{
    (void)state;
    close(make_file("f.json", 1000));
    assert_int_equal(ask("GET", "f.json", ""), 200);
    assert_string_equal(field("\r\nContent-Length"), "1000");
    assert_string_equal(field("\r\nContent-Type"), "application/json");
    assert_string_equal(field("\r\nContent-Disposition"), "inline; filename=f.json");
    assert_string_equal(field("\r\nAccept-Ranges"), "bytes");
    assert_int_equal(ask("HEAD", "f.json", "Range: bytes=0-1\r\n"), 200);
    assert_string_equal(field("\r\nContent-Length"), "1000");
    assert_int_equal(body_len(), 0);
    close(make_file("large", 100000));
    assert_int_equal(ask("HEAD", "large", ""), 200);
    assert_string_equal(field("\r\nContent-Length"), "100000");
    assert_string_equal(field("\r\nContent-Type"), "application/octet-stream");
}

/* Another tag whenever the file is written, replaced or touched. */
static void tags(void **state)
{
    struct fs_reader reader = {.inode = 1, .size = 2, .modified_ns = 3, .changed_ns = 4}, other;
    char tag[CONDITIONAL_TAG], another[CONDITIONAL_TAG], fields[CONDITIONAL_TAG + 40];

    (void)state;
    make_etag(&reader, tag);
    assert_string_equal(tag, "\"1-2-3-4\"");
    for (int i = 0; i < 4; i++) {
        other = reader;
        *(uint64_t *[]){&other.inode, &other.size, &other.modified_ns, &other.changed_ns}[i] += 1;
        make_etag(&other, another);
        assert_string_not_equal(tag, another);
    }
    close(make_file("f", 1000));
    assert_int_equal(ask("GET", "f", ""), 200);
    snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", field("\r\nETag"));
    assert_int_equal(ask("GET", "f", fields), 304);
    assert_string_equal(field("\r\nContent-Length"), "");
    assert_int_equal(body_len(), 0);
    memcpy(fields, "If-Match: \"x\"\r\n", 16);
    assert_int_equal(ask("GET", "f", fields), 412);
}

static void parts(void **state)
{
    (void)state;
    close(make_file("f", 100000));
    assert_int_equal(ask("GET", "f", "Range: bytes=50000-59999\r\n"), 206);
    assert_string_equal(field("\r\nContent-Range"), "bytes 50000-59999/100000");
    assert_int_equal(body_len(), 10000);
    assert_int_equal(body()[9999], pattern(59999));
    assert_int_equal(ask("GET", "f", "Range: bytes=0-9,99990-\r\n"), 206);
    assert_memory_equal(field("\r\nContent-Type"), "multipart/byteranges; boundary=", 31);
    assert_int_equal(body_len(), atoi(field("\r\nContent-Length")));
    assert_int_equal(ask("GET", "f", "Range: bytes=100000-\r\n"), 416);
    assert_string_equal(field("\r\nContent-Range"), "bytes */100000");
    assert_int_equal(ask("GET", "f", "Range: bytes=0-9\r\nIf-Range: \"old\"\r\n"), 200);
}

static void codings(void **state)
{
    (void)state;
    close(make_file("f", 100000));
    assert_int_equal(ask("GET", "f", "Accept-Encoding: gzip, deflate\r\n"), 200);
    assert_string_equal(field("\r\nContent-Encoding"), "");
    assert_int_equal(ask("GET", "f", "Accept-Encoding: gzip, *;q=0\r\n"), 200);
    assert_string_equal(field("\r\nContent-Encoding"), "gzip");
    assert_memory_equal(field("\r\nETag"), "W/\"", 3);
    assert_int_equal(ask("GET", "f", "Accept-Encoding: *;q=0\r\n"), 406);
    assert_int_equal(ask("GET", "f", "Accept-Encoding: gzip, *;q=0\r\nRange: bytes=0-0\r\n"), 406);
}

static void refusals(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "none", ""), 404);
    assert_int_equal(ask("GET", "", ""), 400);
    assert_int_equal(ask("GET", "x%00y", ""), 400);
    assert_int_equal(ask("GET", "x&username=nobody-has-it", ""), 401);
    assert_non_null(strstr(got, "error looking up user 'nobody-has-it': user: unknown user nobody-has-it"));
    settings.token = strdup("secret");
    assert_int_equal(ask("GET", "none", ""), 401);
    assert_non_null(strstr(got, "{\"code\":401,\"message\":\"missing signature query parameter\"}"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(whole_files), T(tags), T(parts), T(codings), T(refusals),
    };

    return RUN(tests);
}
