/* The binary form's own work: the check before protobuf-c, the arena, and writing in pieces. Vectors of other
 * implementations are codec_test.c's. */
#include "test.h"

#include <stdio.h>

#include "core/writer.h"

/* References fail when a test wants it. */
static bool no_memory;
#define chain_ref(c, seg, data, n) (no_memory ? -1 : (chain_ref)(c, seg, data, n))

#include "rpc/codec/proto.c"

#undef chain_ref

#include "unit.pb-c.h"

#define ALL (&unit__all__descriptor)

static struct arena arena;
static struct err e;

static int setup(void **state)
{
    (void)state;
    no_memory = false;
    arena.max = MIB;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&arena);
    arena = (struct arena){0};
    return 0;
}

static int check_bytes(const char *s, size_t n)
{
    return check(ALL, (struct bytes){s, n}, 0, &e);
}

#define CHECK(literal) check_bytes(literal, sizeof(literal) - 1)

/* --- varints --------------------------------------------------------------------------------- */

static void varints_end_or_are_none(void **state)
{
    static const struct {
        const char *bytes;
        size_t len, used; /* used 0: none */
        uint64_t value;
    } cases[] = {
        {"\x00", 1, 1, 0},
        {"\x7f", 1, 1, 127},
        {"\x80\x01", 2, 2, 128},
        {"\xac\x02\xff", 3, 2, 300},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 10, UINT64_MAX},
        {"\x80", 1, 0, 0},
        {"", 0, 0, 0},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bytes s = {cases[i].bytes, cases[i].len};
        uint64_t v;

        assert_int_equal(proto_varint(&s, &v), cases[i].used > 0);
        assert_int_equal(s.len, cases[i].len - cases[i].used);
        if (cases[i].used)
            assert_int_equal(v, cases[i].value);
    }
}

/* --- the check ------------------------------------------------------------------------------- */

static void lengths_must_lie_inside(void **state)
{
    (void)state;
    assert_int_equal(CHECK("\x72\x02hi"), 0);
    assert_int_equal(CHECK("\x72\x03hi"), -1);
    assert_string_equal(e.text, "unmarshal unit.All: malformed protobuf");
    assert_int_equal(CHECK("\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01hi"), -1); /* 2^64 - 1 */
    assert_int_equal(CHECK("\x09"
                           "1234567"),
                     -1);
    assert_int_equal(CHECK("\x4d"
                           "123"),
                     -1);
}

static void field_numbers_are_within_their_range(void **state)
{
    (void)state;
    assert_int_equal(CHECK("\x00\x01"), -1);                 /* 0 */
    assert_int_equal(CHECK("\xf8\xff\xff\xff\x0f\x01"), 0);  /* 2^29 - 1, the largest */
    assert_int_equal(CHECK("\x80\x80\x80\x80\x10\x01"), -1); /* and one more */
}

static void groups_are_refused(void **state)
{
    (void)state;
    assert_int_equal(CHECK("\x1b\x1c"), -1);
    assert_int_equal(CHECK("\x1c"), -1);
    assert_int_equal(CHECK("\x1e"), -1);
    assert_int_equal(CHECK("\x1f"), -1);
}

static void texts_are_utf8_without_a_nul(void **state)
{
    (void)state;
    assert_int_equal(CHECK("\x72\x03\xe2\x82\xac"), 0);
    assert_int_equal(CHECK("\x72\x02\xe2\x82"), -1);
    assert_string_equal(e.text, "unmarshal unit.All: field 'f_string' is not valid UTF-8");
    assert_int_equal(CHECK("\x72\x03"
                           "a\0b"),
                     -1);
    assert_string_equal(e.text, "unmarshal unit.All: field 'f_string' holds a NUL character");
    assert_int_equal(CHECK("\x7a\x03"
                           "\xff\0b"),
                     0); /* bytes may be anything */
    assert_int_equal(CHECK("\x72\x00"), 0);
    assert_int_equal(CHECK("\x8a\x01\x03\x72\x01\xff"), -1); /* in a child */
    assert_int_equal(CHECK("\xaa\x01\x01\xff"), 0);          /* in a field that we do not know as text */
}

/* child { child { ... as deep as asked for. Returns the length of what stands at the buffer's end. */
static size_t nest(char *end, unsigned depth)
{
    size_t len = 0;

    for (; depth > 0; depth--) {
        char *at = end - len;

        if (len >= 128) {
            *--at = (char)(len >> 7);
            *--at = (char)((len & 0x7f) | 0x80);
        } else {
            *--at = (char)len;
        }
        *--at = 1;
        *--at = (char)0x8a;
        len = (size_t)(end - at);
    }
    return len;
}

static void nesting_has_a_bottom(void **state)
{
    char text[1000], *end = text + sizeof text;
    size_t n = nest(end, NESTING_MAX);

    (void)state;
    assert_int_equal(check_bytes(end - n, n), 0);
    n = nest(end, NESTING_MAX + 1);
    assert_int_equal(check_bytes(end - n, n), -1);
    assert_string_equal(e.text, "unmarshal: nested deeper than 100 levels");
}

/* --- decoding -------------------------------------------------------------------------------- */

static void everything_lies_in_the_arena(void **state)
{
    static const char wire[] = "\x72\x02hi\x8a\x01\x00";
    Unit__All *m;

    (void)state;
    m = (Unit__All *)proto_decode(ALL, (struct bytes){wire, sizeof wire - 1}, &arena, &e);
    assert_string_equal(m->f_string, "hi");
    assert_non_null(m->child);
    /* protobuf_c_message_free_unpacked is not called: the leak checker sees whether something was left */
}

static void memory_has_a_bound(void **state)
{
    char wire[300];

    (void)state;
    for (size_t i = 0; i < sizeof wire; i += 3)
        memcpy(wire + i, "\xa2\x01\x00", 3); /* r_all { }, a hundred times */
    arena.max = 4096;
    assert_null(proto_decode(ALL, (struct bytes){wire, sizeof wire}, &arena, &e));
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(e.text, "unmarshal unit.All: the message needs more than 4096 bytes of memory");
}

/* What only protobuf-c sees: a packed list that ends inside a number. */
static void what_protobuf_c_refuses_is_malformed(void **state)
{
    (void)state;
    assert_null(proto_decode(ALL, BYTES_LIT("\x92\x01\x02\x80\x80"), &arena, &e));
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
}

/* --- encoding -------------------------------------------------------------------------------- */

static void too_large_is_told(void **state)
{
    Unit__All m = UNIT__ALL__INIT;
    struct chain out = {0};
    char *big = malloc(MESSAGE_MAX);

    (void)state;
    memset(big, 'x', MESSAGE_MAX - 1);
    big[MESSAGE_MAX - 1] = 0;
    m.f_string = big;
    assert_int_equal(proto_encode(&m.base, NULL, NULL, &out, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(e.text, "marshal unit.All: larger than 16777216 bytes");
    chain_clear(&out);
    big[MESSAGE_MAX - 64] = 0;
    assert_int_equal(proto_encode(&m.base, NULL, NULL, &out, &e), 0);
    chain_clear(&out);
    free(big);
}

static void bulk_is_referred_to_and_what_follows_it_is_there(void **state)
{
    Unit__All m = UNIT__ALL__INIT;
    struct seg *s = seg_heap(1000);
    struct chain bulk = {0}, out = {0};
    char text[1100];
    bool by_reference = false;

    (void)state;
    memset(s->data, 'b', 1000);
    assert_int_equal((chain_ref)(&bulk, s, s->data, 400), 0);
    assert_int_equal((chain_ref)(&bulk, s, s->data + 400, 600), 0);
    m.f_int32 = 1;
    m.f_bytes = (ProtobufCBinaryData){1000, CODEC_BULK};
    m.choice_case = UNIT__ALL__CHOICE_C_UINT32;
    m.c_uint32 = 5;
    assert_int_equal(proto_encode(&m.base, &bulk, NULL, &out, &e), 0);
    CHAIN_FOREACH (it, &out)
        by_reference |= it->data == s->data;
    assert_true(by_reference);
    assert_int_equal(out.bytes, 2 + 3 + 1000 + 3);
    chain_peek(&out, text, out.bytes);
    assert_memory_equal(text, "\x18\x01\x7a\xe8\x07", 5);
    assert_memory_equal(text + 1005, "\x88\x02\x05", 3);
    chain_clear(&out);
    no_memory = true;
    assert_int_equal(proto_encode(&m.base, &bulk, NULL, &out, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    chain_clear(&out);
    chain_clear(&bulk);
    assert_int_equal(s->refs, 1);
    seg_unref(s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(varints_end_or_are_none),
        T(lengths_must_lie_inside),
        T(field_numbers_are_within_their_range),
        T(groups_are_refused),
        T(texts_are_utf8_without_a_nul),
        T(nesting_has_a_bottom),
        T(everything_lies_in_the_arena),
        T(memory_has_a_bound),
        T(what_protobuf_c_refuses_is_malformed),
        T(too_large_is_told),
        T(bulk_is_referred_to_and_what_follows_it_is_there),
    };

    return RUN(tests);
}
