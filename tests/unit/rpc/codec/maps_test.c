/* Of each key of a map the last entry stays, in both forms, at every depth. */
#include "test.h"

#include "rpc/codec/codec.h"
#include "unit.pb-c.h"

static struct arena arena;
static struct err e;

static int teardown(void **state)
{
    (void)state;
    arena_clear(&arena);
    arena = (struct arena){0};
    return 0;
}

static const Unit__All *decode(enum codec codec, struct bytes in)
{
    const ProtobufCMessage *m = codec_decode(codec, &unit__all__descriptor, in, &arena, &e);

    assert_non_null(m);
    return (const Unit__All *)m;
}

#define PROTO(literal) decode(CODEC_PROTO, (struct bytes){literal, sizeof(literal) - 1})

/* m_string is field 24: tag 0xc2 0x01, an entry {1: key, 2: value}. */
#define ENTRY(key, value) "\xc2\x01\x06\x0a\x01" key "\x12\x01" value

static void the_last_of_a_key_stays_where_it_is(void **state)
{
    const Unit__All *m =
        PROTO(ENTRY("a", "1") ENTRY("b", "2") ENTRY("a", "3") ENTRY("c", "4") ENTRY("b", "5"));

    (void)state;
    assert_int_equal(m->n_m_string, 3);
    assert_string_equal(m->m_string[0]->key, "a");
    assert_string_equal(m->m_string[0]->value, "3");
    assert_string_equal(m->m_string[1]->key, "c");
    assert_string_equal(m->m_string[2]->key, "b");
    assert_string_equal(m->m_string[2]->value, "5");
}

static void other_keys_are_compared_by_value(void **state)
{
    const Unit__All *m =
        decode(CODEC_JSON, bytes_of("{\"mInt32\":{\"5\":{\"fInt32\":1},\"05\":{\"fInt32\":2},\"6\":{}}}"));

    (void)state;
    assert_int_equal(m->n_m_int32, 2);
    assert_int_equal(m->m_int32[0]->key, 5);
    assert_int_equal(m->m_int32[0]->value->f_int32, 2);
}

static void messages_within_messages_are_settled_too(void **state)
{
    /* child (17), r_all (20), c_all (34): each with the key twice */
    const Unit__All *m = PROTO("\x8a\x01\x12" ENTRY("a", "1") ENTRY("a", "2") /**/
                               "\xa2\x01\x12" ENTRY("a", "1") ENTRY("a", "3") /**/
                               "\x92\x02\x12" ENTRY("a", "1") ENTRY("a", "4"));

    (void)state;
    assert_int_equal(m->child->n_m_string, 1);
    assert_string_equal(m->child->m_string[0]->value, "2");
    assert_int_equal(m->r_all[0]->n_m_string, 1);
    assert_string_equal(m->r_all[0]->m_string[0]->value, "3");
    assert_int_equal(m->c_all->n_m_string, 1);
    assert_string_equal(m->c_all->m_string[0]->value, "4");
}

static void lists_keep_what_they_have(void **state)
{
    const Unit__All *m =
        decode(CODEC_JSON, bytes_of("{\"rAll\":[{\"fInt32\":1},{\"fInt32\":1}],\"rString\":[\"a\",\"a\"]}"));

    (void)state;
    assert_int_equal(m->n_r_all, 2);
    assert_int_equal(m->n_r_string, 2);
}

/* A hundred thousand entries of one key are sorted, not compared each with each. */
static void many_of_one_key_cost_no_square(void **state)
{
    enum { COUNT = 100000, SIZE = sizeof(ENTRY("a", "1")) - 1 };
    char *wire = malloc((size_t)COUNT * SIZE);
    const Unit__All *m;

    (void)state;
    for (int i = 0; i < COUNT; i++)
        memcpy(wire + (size_t)i * SIZE, ENTRY("a", "1"), SIZE);
    m = decode(CODEC_PROTO, (struct bytes){wire, (size_t)COUNT * SIZE});
    assert_int_equal(m->n_m_string, 1);
    free(wire);
}

#define T(f) cmocka_unit_test_setup_teardown(f, NULL, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_last_of_a_key_stays_where_it_is),      T(other_keys_are_compared_by_value),
        T(messages_within_messages_are_settled_too), T(lists_keep_what_they_have),
        T(many_of_one_key_cost_no_square),
    };

    codec_init();
    return RUN(tests);
}
