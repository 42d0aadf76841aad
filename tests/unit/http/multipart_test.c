#include "http/multipart.h"

#include <stdio.h>

#include "test.h"

#define TYPE    "multipart/form-data; boundary=BOUND"
#define PART(n) "--BOUND\r\nContent-Disposition: form-data; name=\"" n "\"\r\n\r\n"

static struct err e;

/* Reads the body in pieces of that size, and writes down what happened: "<name|filename>contents</>". */
static const char *read_body(struct bytes body, size_t piece, bool *done)
{
    static char told[65536];
    struct multipart m;
    size_t len = 0;

    assert_int_equal(multipart_init(&m, BYTES_LIT(TYPE), &e), 0);
    for (size_t at = 0; at < body.len; at += piece) {
        char *copy = malloc(MIN(piece, body.len - at)); /* what was handed on is not needed afterwards */
        struct bytes in = {memcpy(copy, body.ptr + at, MIN(piece, body.len - at)), MIN(piece, body.len - at)},
                     data;
        enum multipart_event event;

        while ((event = multipart_next(&m, &in, &data, &e)) != MULTIPART_MORE && event != MULTIPART_FAIL) {
            if (event == MULTIPART_PART)
                len += (size_t)sprintf(told + len, "<%s|%s>", m.name ? m.name : "",
                                       m.filename ? m.filename : "");
            else if (event == MULTIPART_END)
                len += (size_t)sprintf(told + len, "</>");
            else
                assert_true(data.len > 0);
            if (event == MULTIPART_DATA) {
                memcpy(told + len, data.ptr, data.len);
                len += data.len;
            }
        }
        free(copy);
        if (event == MULTIPART_FAIL) {
            multipart_clear(&m);
            return NULL;
        }
    }
    told[len] = 0;
    *done = multipart_done(&m);
    multipart_clear(&m);
    return told;
}

static void however_it_is_cut(void **state)
{
    static const struct {
        const char *body, *want;
        bool done;
    } cases[] = {
        {PART("a") "contents\r\n--BOUND--\r\n", "<a|>contents</>", true},
        {"before\r\n" PART("a") "1\r\n" PART("b") "2\r\n--BOUND--after", "<a|>1</><b|>2</>", true},
        {"\r\n" PART("a") "\r\n--BOUND--", "<a|></>", true},
        {PART("a") "--BOUND--", "<a|></>", true}, /* nothing, and not even its line's end */
        {PART("a") "--BOUN\r\n--BOUND--", "<a|>--BOUN</>", true},
        {PART("a") "\r\r\n\r\n-\r\n--\r\n--BOUN\r\n--BOUND--", "<a|>\r\r\n\r\n-\r\n--\r\n--BOUN</>", true},
        {PART("a") "x--BOUND\r\n--BOUND--", "<a|>x--BOUND</>", true},
        {"--BOUND \t\r\n\r\nno header\r\n--BOUND--", "<|>no header</>", true},
        {"--BOUND\r\nX: y\r\ncontent-disposition:form-data; filename=\"d/f\"; "
         "name=file\r\n\r\nx\r\n--BOUND--",
         "<file|d/f>x</>", true},
        {PART("a") "never ends", "<a|>never ends", false},
        {PART("a") "never ends\r\n--BOUND", "<a|>never ends</>", false},
        {"no part at all", "", false},
        {"--BOUND--", "", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t piece = 1; piece <= strlen(cases[i].body); piece++) {
            bool done;
            const char *told = read_body(bytes_of(cases[i].body), piece, &done);

            assert_non_null(told);
            assert_string_equal(told, cases[i].want);
            assert_int_equal(done, cases[i].done);
        }
    }
}

/* What nearly is a delimiter is contents, to the byte, wherever it is cut. */
static void near_misses(void **state)
{
    static const char alphabet[] = "\r\n-BOUND", beginning[] = "\r\n--BOUN";
    char body[600], want[600];
    bool done;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t n = (size_t)rand() % 40, piece = 1 + (size_t)rand() % 12;
        char noise[41] = "";
        const char *told;

        for (size_t i = 0; i < n; i++)
            noise[i] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
        for (size_t i = 0; i < n; i++)
            if (rand() % 3)
                noise[i] = beginning[i % 8];
        if (strstr(noise, "--BOUND"))
            continue;
        snprintf(body, sizeof body, PART("a") "%s\r\n--BOUND--", noise);
        snprintf(want, sizeof want, "<a|>%s</>", noise);
        told = read_body(bytes_of(body), piece, &done);
        assert_non_null(told);
        assert_string_equal(told, want);
        assert_true(done);
    }
}

static void what_is_no_form(void **state)
{
    static char long_header[MULTIPART_HEADER_MAX + 64] = "--BOUND\r\n";
    bool done;

    (void)state;
    assert_null(read_body(BYTES_LIT(PART("a") "x\r\n--BOUNDED\r\n"), 5, &done));
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    memset(long_header + 9, 'x', MULTIPART_HEADER_MAX + 1);
    assert_null(read_body((struct bytes){long_header, MULTIPART_HEADER_MAX + 10}, 1000, &done));
    assert_int_equal(e.status, STATUS_OUT_OF_RANGE);
    assert_non_null(read_body((struct bytes){long_header, MULTIPART_HEADER_MAX + 9}, 1000, &done));
}

static void boundaries(void **state)
{
    static char type[512] = "multipart/form-data; boundary=";
    static const char *const none[] = {"multipart/form-data", "multipart/form-data; boundary=\"\"",
                                       "multipart/form-data; boundary=\"a\r\"",
                                       "multipart/form-data; boundary=\"a\n\""};
    struct multipart m;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_int_equal(multipart_init(&m, bytes_of(none[i]), &e), -1);
    memset(type + 30, 'b', MULTIPART_BOUNDARY_MAX);
    assert_int_equal(multipart_init(&m, bytes_of(type), &e), 0);
    assert_int_equal(m.delimiter_len, 4 + MULTIPART_BOUNDARY_MAX);
    multipart_clear(&m);
    type[30 + MULTIPART_BOUNDARY_MAX] = 'b';
    assert_int_equal(multipart_init(&m, bytes_of(type), &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(however_it_is_cut),
        cmocka_unit_test(near_misses),
        cmocka_unit_test(what_is_no_form),
        cmocka_unit_test(boundaries),
    };

    return RUN(tests);
}
