#include "guest/git/url.h"

#include "test.h"

static void same(const char *got, const char *wanted)
{
    if (wanted)
        assert_string_equal(got, wanted);
    else
        assert_null(got);
}

static void good(void **state)
{
    static const struct {
        const char *in;
        enum git_url_kind kind;
        const char *text, *origin, *username, *password;
    } cases[] = {
        {"https://Host/x.git", GIT_URL_HTTP, "https://Host/x.git", "https://host", NULL, NULL},
        {"https://h:443/x", GIT_URL_HTTP, "https://h:443/x", "https://h", NULL, NULL},
        {"http://h:443", GIT_URL_HTTP, "http://h:443", "http://h:443", NULL, NULL},
        {"http://ann@h:80/x@y", GIT_URL_HTTP, "http://h:80/x@y", "http://h", "ann", NULL},
        {"https://a%40b:p%3aq@h/x", GIT_URL_HTTP, "https://h/x", "https://h", "a@b", "p:q"},
        {"https://a@b:c@h/x", GIT_URL_HTTP, "https://h/x", "https://h", "a@b", "c"},
        {"https://:token@h/x", GIT_URL_HTTP, "https://h/x", "https://h", "", "token"},
        {"https://[::1]:8443/x", GIT_URL_HTTP, "https://[::1]:8443/x", "https://[::1]:8443", NULL, NULL},
        {"ssh://git@h:22/x", GIT_URL_SSH, "ssh://git@h:22/x", NULL, NULL, NULL},
        {"git@h:x/y.git", GIT_URL_SSH, "git@h:x/y.git", NULL, NULL, NULL},
        {"git://h/x", GIT_URL_GIT, "git://h/x", NULL, NULL, NULL},
        {"file:///x", GIT_URL_FILE, "file:///x", NULL, NULL, NULL},
        {"/x/y:z", GIT_URL_PATH, "/x/y:z", NULL, NULL, NULL},
        {"x", GIT_URL_PATH, "x", NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct git_url u;
        struct err e;

        assert_int_equal(git_url_parse(bytes_of(cases[i].in), &u, &e), 0);
        assert_int_equal(u.kind, cases[i].kind);
        same(u.text, cases[i].text);
        same(u.origin, cases[i].origin);
        same(u.username, cases[i].username);
        same(u.password, cases[i].password);
        git_url_clear(&u);
    }
}

static void bad_ones(void **state)
{
    static const char *const cases[] = {"",
                                        "-x",
                                        "ext::sh -c x",
                                        "a::b",
                                        "ftp://h/x",
                                        "https://",
                                        "https:///x",
                                        "https://u:p@/x",
                                        "https://-x/y",
                                        "https://u@-x/y",
                                        "https://h/\nx",
                                        "https://a%0ab@h/",
                                        "https://a%4@h/",
                                        "https://a%zz@h/",
                                        "ssh://a:b@h/x",
                                        "ssh://-oProxyCommand=x/y",
                                        "a@-h:x",
                                        "a@:x",
                                        ":x"};
    struct git_url u;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(git_url_parse(bytes_of(cases[i]), &u, &e), -1);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
        assert_null(u.text);
    }
}

static void hidden(void **state)
{
    static const char *const cases[][2] = {
        {"https://a:b@h/x", "https://h/x"},
        {"https://token@h", "https://h"},
        {"HTTPS://a:b@c@h/x@y", "HTTPS://h/x@y"},
        {"ssh://git@h/x", "ssh://git@h/x"},
        {"ssh://git:b@h/x", "ssh://git@h/x"},
        {"git+ssh://git:b@h/x", "git+ssh://git@h/x"},
        {"ssh+git://git:b@h/x", "ssh+git://git@h/x"},
        {"ssh://:b@h/x", "ssh://h/x"},
        {"url.https://t@h/.insteadof", "url.https://h/.insteadof"},
        {"x https://a:b@h/ y http://c@i\nz@k", "x https://h/ y http://i\nz@k"},
        {"git@h:x", "git@h:x"},
        {"https://h/x", "https://h/x"},
        {"://@", "://"},
        {"a://", "a://"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[64];

        strcpy(text, cases[i][0]);
        text[git_url_hide(text, strlen(text))] = 0;
        assert_string_equal(text, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad_ones),
                                       cmocka_unit_test(hidden)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
