/* Secrets in text: what is taken out, and what is not. */
#include "test.h"

#include <jansson.h>

#include "ctl/scrub.c"

static char clean[1024];

static const char *scrubbed_by(int (*how)(struct bytes, const char *, struct buffer *), const char *text,
                               const char *token)
{
    struct buffer out = {0};

    assert_int_equal(how(bytes_of(text), token, &out), 0);
    snprintf(clean, sizeof clean, "%.*s", (int)buffer_len(&out), buffer_bytes(&out).ptr);
    buffer_clear(&out);
    return clean;
}

static const char *scrubbed(const char *text, const char *token)
{
    return scrubbed_by(scrub, text, token);
}

static void secrets_go(void **state)
{
    static const struct {
        const char *text, *clean;
    } cases[] = {
        {"http://user:pass@host/x", "http://***@host/x"},
        {"at https://a@b:c@host:80?q=@ and ftp://me@x", "at https://***@host:80?q=@ and ftp://***@x"},
        {"TOKEN=abc next", "TOKEN=*** next"},
        {"--password=a/b+c==", "--password=***"},
        {"MY_API_KEY: x1, y", "MY_API_KEY: ***, y"},
        {"x_secret_file='a b' c", "x_secret_file='***' c"},
        {"Authorization: Bearer abc.def", "Authorization: Bearer ***"},
        {"authorization=\"Basic YTpi\"", "authorization=\"Basic ***\""},
        {"?access_token=a&q=1", "?access_token=***&q=1"},
        {"{\"password\": \"it, is; b}d\",\"n\":1}", "{\"password\": \"***\",\"n\":1}"},
        {"\"text\":\"a \\\"token\\\":\\\"x y\\\" b\"", "\"text\":\"a \\\"token\\\":\\\"***\\\" b\""},
        {"\"secret\":\"q\\\"uote\",\"n\"", "\"secret\":\"***\",\"n\""},
        {"\"secret\":\"end\\\\\",\"n\"", "\"secret\":\"***\",\"n\""},
        {"\"t\":\"\\\"secret\\\":\\\"a\\\\\\\"b\\\" c\"", "\"t\":\"\\\"secret\\\":\\\"***\\\" c\""},
        {"\"t\":\"password=a\\\\b\\nnext\"", "\"t\":\"password=***\\nnext\""},
        {"\"t\":\"secret='open\",\"n\"", "\"t\":\"secret='***\",\"n\""},
        {"token=one token=two", "token=*** token=***"},
        {"secret=", "secret="},
        {"secret=end", "secret=***"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(scrubbed(cases[i].text, NULL), cases[i].clean);
}

static void the_rest_stays(void **state)
{
    static const char *const texts[] = {
        "",
        "listen.who=\"root and the agent's user; others with a token\" x=y",
        "token.unremembered error.type=EROFS",
        "http://host/a@b",
        "http://host",
        "://",
        ":",
        "a secret is told",
        "{\"token_count\":5,\"secret\":null}",
        "passport=12",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_string_equal(scrubbed(texts[i], NULL), texts[i]);
}

static void our_own_token_goes_wherever_it_is(void **state)
{
    (void)state;
    assert_string_equal(scrubbed("xsesamex sesame", "sesame"), "x***x ***");
    assert_string_equal(scrubbed("sesam", "sesame"), "sesam");
    assert_string_equal(scrubbed("tokensesame: x http://sesame@h", "sesame"), "token***: x http://***@h");
    assert_string_equal(scrubbed("abc", "abc"), "abc"); /* too short to be looked for */
}

static void json_stays_json(void **state)
{
    static const struct {
        const char *text, *clean;
    } cases[] = {
        {"{\"password\": \"it, is; b}d\",\"n\":1}", "{\"password\": \"***\",\"n\":1}"},
        {"{\"tokens\":[\"a\",\"b\"],\"c\":\"d\"}", "{\"tokens\":[\"***\",\"***\"],\"c\":\"d\"}"},
        {"{\"MY_SECRET\":\"q\\\"uote\\\\\"}", "{\"MY_SECRET\":\"***\"}"},
        {"{\"a\":\"token=\",\"b\":\"x\"}", "{\"a\":\"token=\",\"b\":\"x\"}"},
        {"[\"unix:/tmp/password=x\",\"http://u:p@h\"]", "[\"unix:/tmp/password=***\",\"http://***@h\"]"},
        {"{\"t\":\"\\\"token\\\":\\\"x y\\\" b\"}", "{\"t\":\"\\\"token\\\":\\\"***\\\" b\"}"},
        {"{\"a\":\"\\u00e9\",\"token\":5,\"secret\":null}",
         "{\"a\":\"\\u00e9\",\"token\":5,\"secret\":null}"},
        {"{\"token\":\"\"}", "{\"token\":\"\"}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *j = json_loads(scrubbed_by(scrub_json, cases[i].text, "00e9"), 0, NULL);

        assert_string_equal(clean, cases[i].clean);
        assert_non_null(j);
        json_decref(j);
    }
}

static void what_is_no_json_ends_somewhere(void **state)
{
    static const char *const texts[] = {"", "\"", "\"a", "\"a\\", "\"a\"", "\"a\":", "{\"token\"", "\\"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_string_equal(scrubbed_by(scrub_json, texts[i], NULL), texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_go),
        cmocka_unit_test(the_rest_stays),
        cmocka_unit_test(our_own_token_goes_wherever_it_is),
        cmocka_unit_test(json_stays_json),
        cmocka_unit_test(what_is_no_json_ends_somewhere),
    };

    return RUN(tests);
}
