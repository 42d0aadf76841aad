/* A long value on its way past the decoder: what is lifted, what is not, and that the message says the same with and without. */
#include "test.h"

#include <stdio.h>

#include "core/limits.h"
#include "rpc/codec/proto_lift.c"
#include "unit.pb-c.h"

#define ALL      (&unit__all__descriptor)
#define SHORTEST 200
#define BULK     300

static struct arena a, b;
static struct err e;
static uint8_t wire[4096];
static size_t wire_len;

static int setup(void **state)
{
    (void)state;
    wire_len = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&a);
    arena_clear(&b);
    return 0;
}

static void put(const void *bytes, size_t n)
{
    memcpy(wire + wire_len, bytes, n);
    wire_len += n;
}

#define PUT(literal) put(literal, sizeof(literal) - 1)

/* A field of that key whose value is n bytes long. */
static void put_head(unsigned number, size_t n)
{
    unsigned key = number << 3 | WIRE_BYTES;

    put((uint8_t[]){(uint8_t)(key | 0x80), (uint8_t)(key >> 7), (uint8_t)(n | 0x80), (uint8_t)(n >> 7)}, 4);
}

static void put_bytes(unsigned number, size_t n)
{
    put_head(number, n);
    for (size_t i = 0; i < n; i++)
        wire[wire_len++] = (uint8_t)('a' + i % 23);
}

/* The wire in pieces of that size, behind three other bytes. */
static struct chain cut(size_t piece)
{
    struct chain c = {0};

    assert_int_equal(chain_copy(&c, "???", 3), 0);
    for (size_t at = 0; at < wire_len; at += piece) {
        size_t n = MIN(piece, wire_len - at);
        struct seg *s = seg_heap(n);

        memcpy(s->data, wire + at, n);
        s->used = s->cap;
        assert_int_equal(chain_give(&c, s, s->data, n), 0);
    }
    return c;
}

/* The message of the wire, encoded again, as text behind its length; decoded as it is, or around the lifted value. */
static struct chain again(const ProtobufCMessage *m, const struct chain *bulk)
{
    struct chain out = {0};

    assert_non_null(m);
    assert_int_equal(codec_encode(CODEC_PROTO, m, bulk, NULL, &out, &e), 0);
    return out;
}

/* Whether a value is lifted; then the message must say the same as without. */
static bool lifts(size_t piece)
{
    struct chain in = cut(piece), bulk = {0}, got, want;
    static uint8_t rest[sizeof wire], x[sizeof wire], y[sizeof wire];
    struct proto_lift l;
    ProtobufCMessage *m;
    bool found = proto_lift_find(&l, ALL, &in, 3, wire_len, SHORTEST);

    if (found) {
        proto_lift_rest(&l, &in, 3, wire_len, rest);
        assert_int_equal(chain_share(&bulk, &in, 3 + l.at, l.len), 0);
        arena_clear(&a);
        arena_clear(&b);
        m = codec_decode(CODEC_PROTO, ALL, (struct bytes){(char *)rest, wire_len - l.len}, &a, &e);
        assert_non_null(m);
        proto_lift_place(&l, m);
        got = again(m, &bulk);
        want = again(codec_decode(CODEC_PROTO, ALL, (struct bytes){(char *)wire, wire_len}, &b, &e), NULL);
        chain_peek(&got, x, got.bytes);
        chain_peek(&want, y, want.bytes);
        assert_int_equal(got.bytes, want.bytes);
        assert_memory_equal(x, y, got.bytes);
        chain_clear(&got);
        chain_clear(&want);
        chain_clear(&bulk);
    }
    chain_clear(&in);
    return found;
}

static void a_long_value_is_lifted_wherever_the_pieces_end(void **state)
{
    (void)state;
    PUT("\x18\x05");     /* f_int32 */
    put_bytes(15, BULK); /* f_bytes */
    PUT("\x72\x02hi");   /* f_string */
    for (size_t piece = 1; piece <= wire_len; piece++)
        assert_true(lifts(piece));
}

static void it_may_lie_in_other_messages(void **state)
{
    (void)state;
    put_head(17, 4 + 4 + 4 + BULK + 2); /* child */
    put_head(34, 4 + 4 + BULK);         /* c_all */
    put_head(17, 4 + BULK);
    put_bytes(35, BULK); /* c_bytes */
    PUT("\x18\x05");
    PUT("\x18\x07");
    for (size_t piece = 1; piece <= wire_len; piece++)
        assert_true(lifts(piece));
}

static void not_too_deep(void **state)
{
    (void)state;
    for (int i = PROTO_LIFT_LEVELS; i > 0; i--)
        put_head(17, (size_t)(i - 1) * 4 + 4 + BULK);
    put_bytes(15, BULK);
    assert_false(lifts(SIZE_MAX));
}

static void lengths_keep_their_size(void **state)
{
    (void)state;
    PUT("\x8a\x01\xb1\x82\x80\x00"); /* child, its length as no encoder writes it */
    PUT("\x7a\xac\x82\x80\x80\x00"); /* f_bytes, likewise */
    for (int i = 0; i < BULK; i++)
        PUT("x");
    memcpy(wire + 2, "\xb2\x82\x80\x00", 4); /* 306 */
    assert_true(lifts(7));
}

static void other_values_stay(void **state)
{
    (void)state;
    put_bytes(15, SHORTEST - 1);
    assert_false(lifts(100));
    put_bytes(14, BULK); /* a string */
    put_bytes(22, BULK); /* repeated */
    put_bytes(98, BULK); /* unknown */
    assert_false(lifts(100));
    put_bytes(35, BULK);
    assert_true(lifts(100));
}

/* The first one; there is no place for two. */
static void one_of_two_is_lifted(void **state)
{
    (void)state;
    put_bytes(15, BULK);
    put_bytes(35, BULK);
    assert_true(lifts(100));
}

/* The last value counts, and messages are merged: nothing that depends on what else there is may be taken away. */
static void what_comes_twice_stays(void **state)
{
    (void)state;
    put_bytes(15, BULK);
    PUT("\x7a\x00"); /* f_bytes again, empty */
    assert_false(lifts(100));
    wire_len = 0;
    PUT("\x7a\x01x");
    put_bytes(15, BULK);
    assert_false(lifts(100));
    wire_len = 0;
    put_head(17, 4 + BULK);
    put_bytes(15, BULK);
    PUT("\x8a\x01\x02\x7a\x00"); /* child again */
    assert_false(lifts(100));
}

static void the_last_member_of_a_oneof_counts(void **state)
{
    (void)state;
    put_bytes(35, BULK);
    PUT("\x88\x02\x07"); /* c_uint32 */
    assert_true(lifts(100));
    wire_len = 0;
    put_head(34, 4 + BULK); /* c_all */
    put_bytes(15, BULK);
    PUT("\x88\x02\x07");
    assert_true(lifts(100));
    wire_len = 0;
    PUT("\x88\x02\x07");
    put_bytes(35, BULK);
    assert_true(lifts(100));
}

static void malformed_messages_stay(void **state)
{
    static const char *const behind[] = {
        "\x72\x03hi",                                         /* longer than what is left */
        "\x7f",                                               /* no wire type of ours */
        "\x1b\x1c",                                           /* a group */
        "\x72",                                               /* without a length */
        "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",   /* a number that does not end */
        "\x80\x80\x80\x80\x10\x01",                           /* a field number that cannot be */
        "\x4d\x01\x01\x01",                                   /* half a number */
        "\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01 hello", /* 2^64 - 1 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(behind); i++) {
        wire_len = 0;
        put_bytes(15, BULK);
        put(behind[i], strlen(behind[i]));
        assert_false(lifts(100));
    }
    wire_len = 0;
    put_head(17, 4 + BULK + 3); /* within a child */
    put_bytes(15, BULK);
    PUT("\x72\x03h");
    assert_false(lifts(100));
}

/* Millions of tiny fields cost no more than some. */
static void it_is_not_looked_for_long(void **state)
{
    (void)state;
    for (int i = 0; i < PROTO_LIFT_FIELDS - 1; i++)
        PUT("\x18\x05");
    put_bytes(15, BULK);
    assert_true(lifts(100));
    PUT("\x18\x05");
    assert_false(lifts(100));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_long_value_is_lifted_wherever_the_pieces_end),
        T(it_may_lie_in_other_messages),
        T(not_too_deep),
        T(lengths_keep_their_size),
        T(other_values_stay),
        T(one_of_two_is_lifted),
        T(what_comes_twice_stays),
        T(the_last_member_of_a_oneof_counts),
        T(malformed_messages_stay),
        T(it_is_not_looked_for_long),
    };

    return RUN(tests);
}
