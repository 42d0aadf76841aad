#include "system/mmds_data.h"

#include "core/base.h"
#include "rpc/codec/json.h"
#include "test.h"

static struct mmds_data m;
static struct err e;

static int setup(void **state)
{
    (void)state;
    json_init();
    return 0;
}

static void an_answer_has_its_members(void **state)
{
    (void)state;
    assert_int_equal(
        mmds_data_parse(BYTES_LIT("{\"instanceID\":\"i\",\"envID\":\"t\",\"address\":\"http://a\","
                                  "\"accessTokenHash\":\"h\",\"teamID\":7,\"x\":{\"y\":[]}}"),
                        &m, &e),
        0);
    assert_string_equal(m.instance_id, "i");
    assert_string_equal(m.template_id, "t");
    assert_string_equal(m.logs_url, "http://a");
    assert_string_equal(m.token_hash, "h");
    assert_int_equal(mmds_data_parse(BYTES_LIT("{\"envID\":null}"), &m, &e), 0);
    assert_string_equal(m.instance_id, "");
    assert_string_equal(m.template_id, "");
}

static void what_is_none_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "null",
        "\"x\"",
        "{",
        "{\"instanceID\":1}",
        "{\"instanceID\":\"a\\nb\"}",
        "{\"envID\":\"\xc3\xbc\"}",
        "{\"address\":[]}",
        "{\"accessTokenHash\":{}}",
        "{\"instanceID\":\"a\",\"instanceID\":\"b\"}",
    };
    char text[MMDS_WORD_MAX + 64] = "{\"instanceID\":\"";
    size_t n = strlen(text);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        memset(&m, 'x', sizeof m);
        if (mmds_data_parse(bytes_of(texts[i]), &m, &e) == 0)
            fail_msg("%s is an answer", texts[i]);
        assert_string_equal(m.instance_id, "");
    }
    memset(text + n, 'x', MMDS_WORD_MAX);
    strcpy(text + n + MMDS_WORD_MAX - 1, "\"}");
    assert_int_equal(mmds_data_parse(bytes_of(text), &m, &e), 0);
    text[n + MMDS_WORD_MAX - 1] = 'x';
    strcpy(text + n + MMDS_WORD_MAX, "\"}");
    assert_int_equal(mmds_data_parse(bytes_of(text), &m, &e), -1);
}

/* The digests are sha512sum(1)'s. */
static void the_hash_says_which_token_is_allowed(void **state)
{
    struct mmds_data none = {.token_hash = ""},
                     abc = {.token_hash = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
                     empty = {.token_hash =
                                  "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                                  "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"};

    (void)state;
    assert_true(mmds_data_allows(&abc, "abc"));
    assert_false(mmds_data_allows(&abc, "abd"));
    assert_false(mmds_data_allows(&abc, ""));
    assert_false(mmds_data_allows(&abc, NULL));
    assert_true(mmds_data_allows(&empty, NULL));
    assert_false(mmds_data_allows(&empty, "abc"));
    assert_false(mmds_data_allows(&none, "abc"));
    assert_false(mmds_data_allows(&none, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_its_members),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(the_hash_says_which_token_is_allowed),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, NULL);
}
