/* Which process a word means. */
#include "test.h"

#include "ctl/selector.c"

static void a_word_is_a_pid_an_id_or_a_tag(void **state)
{
    static const struct {
        const char *word;
        uint32_t pid;
        uint64_t id;
    } cases[] = {
        {"123", 123, 0},
        {"web", 0, 0},
        {"12x", 0, 0},
        {"1234567890", 0, 0}, /* no pid is so long */
        {"id:18446744073709551615", 0, UINT64_MAX},
        {"id:7", 0, 7},
        {"ID:7", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Process__ProcessSelector s;
        struct err e;

        assert_int_equal(selector_parse(&s, cases[i].word, &e), 0);
        if (cases[i].pid) {
            assert_int_equal(s.selector_case, PROCESS__PROCESS_SELECTOR__SELECTOR_PID);
            assert_int_equal(s.pid, cases[i].pid);
        } else if (cases[i].id) {
            assert_int_equal(s.selector_case, PROCESS__PROCESS_SELECTOR__SELECTOR_ID);
            assert_true(s.id == cases[i].id);
        } else {
            assert_int_equal(s.selector_case, PROCESS__PROCESS_SELECTOR__SELECTOR_TAG);
            assert_string_equal(s.tag, cases[i].word);
        }
    }
}

static void other_words_are_refused(void **state)
{
    static const char *const bad[] = {"", "id:", "id:0", "id:x", "id:-1", "id:18446744073709551616"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        Process__ProcessSelector s;
        struct err e;

        assert_int_equal(selector_parse(&s, bad[i], &e), -1);
    }
}

static void a_known_process_is_named_by_its_id_where_there_is_one(void **state)
{
    Process__ProcessSelector s;

    (void)state;
    selector_known(&s, 12, 7);
    assert_int_equal(s.selector_case, PROCESS__PROCESS_SELECTOR__SELECTOR_ID);
    assert_int_equal(s.id, 7);
    selector_known(&s, 12, 0);
    assert_int_equal(s.selector_case, PROCESS__PROCESS_SELECTOR__SELECTOR_PID);
    assert_int_equal(s.pid, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_a_pid_an_id_or_a_tag),
        cmocka_unit_test(other_words_are_refused),
        cmocka_unit_test(a_known_process_is_named_by_its_id_where_there_is_one),
    };

    return RUN(tests);
}
