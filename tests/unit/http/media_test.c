#include "http/media.h"

#include "http/exchange.h"
#include "test.h"

static void the_type_stands_in_front(void **state)
{
    (void)state;
    assert_true(bytes_are(media_type(BYTES_LIT(" text/plain ; charset=x")), "text/plain"));
    assert_true(bytes_are(media_type(BYTES_LIT("text/plain")), "text/plain"));
    assert_int_equal(media_type(BYTES_LIT("")).len, 0);
    assert_int_equal(media_type((struct bytes){NULL, 0}).len, 0);
}

static void parameters(void **state)
{
    static const struct {
        const char *value, *name, *want;
    } cases[] = {
        {"form-data; name=\"file\"; filename=\"a b.txt\"", "name", "file"},
        {"form-data; name=\"file\"; filename=\"a b.txt\"", "filename", "a b.txt"},
        {"form-data; NAME=file", "name", "file"},
        {"form-data ;;name = file ; x=y", "name", "file"},
        {"form-data; name=\"a;b=c\"; filename=d", "filename", "d"},
        {"form-data; filename=\"/home/user/x/y.txt\"", "filename", "/home/user/x/y.txt"},
        {"form-data; filename=\"a\\\"b\\\\c\"", "filename", "a\"b\\c"},
        {"form-data; filename=\"C:\\dir\\x\"", "filename", "C:\\dir\\x"},
        {"form-data; filename=\"%22%0D\"", "filename", "%22%0D"},
        {"form-data; filename=\"\"", "filename", ""},
        {"form-data; filename=\xc3\xbc", "filename", "\xc3\xbc"},
        {"form-data; filename=plain; filename*=UTF-8''%e2%82%ac", "filename", "\xe2\x82\xac"},
        {"form-data; filename*=utf-8'en'a%20b; filename=plain", "filename", "a b"},
        {"form-data; filename*=iso-8859-1''%a3; filename=plain", "filename", "plain"},
        {"form-data; filename*=utf-8''%a; filename=plain", "filename", "plain"},
        {"form-data; filename*=utf-8''%zz", "filename", NULL},
        {"form-data; filename=\"no end", "filename", NULL},
        {"form-data; filename", "filename", NULL},
        {"form-data; filenames=x", "filename", NULL},
        {"filename=x", "filename", NULL},
        {"", "filename", NULL},
        {"multipart/form-data; boundary=----x--", "boundary", "----x--"},
        {"a; name=first; name=second", "name", "first"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = 99;
        CLEANUP_FREE char *got = media_parameter(bytes_of(cases[i].value), cases[i].name, &len);

        if (!cases[i].want) {
            assert_null(got);
            continue;
        }
        assert_non_null(got);
        assert_string_equal(got, cases[i].want);
        assert_int_equal(len, strlen(cases[i].want));
    }
}

static void a_nul_is_counted(void **state)
{
    size_t len;
    CLEANUP_FREE char *got = media_parameter(BYTES_LIT("a; filename*=utf-8''x%00y"), "filename", &len);

    (void)state;
    assert_int_equal(len, 3);
    assert_memory_equal(got, "x\0y", 4);
}

static void bodies(void **state)
{
    static const struct {
        const char *type;
        enum http_body_kind want;
    } cases[] = {
        {"application/octet-stream", HTTP_BODY_BYTES},
        {"Application/Octet-Stream; x=y", HTTP_BODY_BYTES},
        {"application/octet-streams", HTTP_BODY_OTHER},
        {"multipart/form-data; boundary=x", HTTP_BODY_MULTIPART},
        {"Multipart/mixed", HTTP_BODY_MULTIPART},
        {"multipart/", HTTP_BODY_OTHER},
        {"text/plain", HTTP_BODY_OTHER},
    };
    struct bytes type;
    struct http_exchange none = {.method = "POST"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_exchange x = {.method = "POST"};

        assert_int_equal(http_fields_add(&x.request, "content-type", bytes_of(cases[i].type)), 0);
        assert_int_equal(http_body_kind(&x, &type), cases[i].want);
        assert_true(bytes_are(type, cases[i].type));
        http_fields_clear(&x.request);
    }
    assert_int_equal(http_body_kind(&none, &type), HTTP_BODY_OTHER);
    assert_non_null(type.ptr);
}

static void codings(void **state)
{
    static const struct {
        const char *coding;
        int ret;
        bool gzip;
    } cases[] = {{"gzip", 0, true}, {" GZIP ", 0, true},       {"identity", 0, false}, {"", 0, false},
                 {"br", -1, false}, {"gzip, gzip", -1, false}, {"x-gzip", -1, false}};
    struct bytes coding;
    bool gzip;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_exchange x = {.method = "POST"};

        assert_int_equal(http_fields_add(&x.request, "content-encoding", bytes_of(cases[i].coding)), 0);
        assert_int_equal(http_body_coding(&x, &gzip, &coding), cases[i].ret);
        assert_int_equal(gzip, cases[i].gzip);
        http_fields_clear(&x.request);
    }
    assert_int_equal(http_body_coding(&(struct http_exchange){.method = "POST"}, &gzip, &coding), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_type_stands_in_front),
        cmocka_unit_test(parameters),
        cmocka_unit_test(a_nul_is_counted),
        cmocka_unit_test(bodies),
        cmocka_unit_test(codings),
    };

    return RUN(tests);
}
