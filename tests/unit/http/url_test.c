#include "http/url.h"

#include <stdio.h>

#include "test.h"

static void an_url_has_its_parts(void **state)
{
    static const struct {
        const char *text, *address, *authority, *target;
    } cases[] = {
        {"http://10.0.0.1:30006/logs?a=b", "tcp:10.0.0.1:30006", "10.0.0.1:30006", "/logs?a=b"},
        {"http://10.0.0.1", "tcp:10.0.0.1:80", "10.0.0.1", "/"},
        {"http://[fd00::1]/x", "tcp:[fd00::1]:80", "[fd00::1]", "/x"},
        {"http://[fd00::1]:8080?q", "tcp:[fd00::1]:8080", "[fd00::1]:8080", "/?q"},
        {"http://127.0.0.1/a#b", "tcp:127.0.0.1:80", "127.0.0.1", "/a"},
        {"http://127.0.0.1#b", "tcp:127.0.0.1:80", "127.0.0.1", "/"},
    };
    char address[ADDRESS_TEXT_MAX];
    struct http_url u;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(http_url_parse(bytes_of(cases[i].text), &u, &e), 0);
        address_text(&u.address, address);
        assert_string_equal(address, cases[i].address);
        assert_string_equal(u.authority, cases[i].authority);
        assert_string_equal(u.target, cases[i].target);
    }
}

static void what_is_none_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "http:/",
        "https://10.0.0.1/",
        "http://",
        "http:///x",
        "http://:80/",
        "http://example.com/",
        "http://10.0.0.1:99999/",
        "http://10.0.0.1:/",
        "http://user@10.0.0.1/",
        "http://10.0.0.1/a b",
        "http://10.0.0.1/\r\nX: y",
        "http://10.0.0.1/\xc3\xbc",
        "http://[fd00::1/",
    };
    char longest[HTTP_URL_MAX + 64] = "http://10.0.0.1/";
    struct http_url u;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (http_url_parse(bytes_of(cases[i]), &u, &e) == 0)
            fail_msg("'%s' is an URL", cases[i]);
    memset(longest + strlen(longest), 'x', HTTP_URL_MAX);
    assert_int_equal(http_url_parse(bytes_of(longest), &u, &e), -1);
    longest[strlen("http://10.0.0.1/") + HTTP_URL_MAX - 2] = 0;
    assert_int_equal(http_url_parse(bytes_of(longest), &u, &e), 0);
    assert_int_equal(strlen(u.target), HTTP_URL_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_url_has_its_parts),
        cmocka_unit_test(what_is_none_is_refused),
    };

    return RUN(tests);
}
