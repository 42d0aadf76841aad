/* For the tests of messages with a JSON form of their own: JSON in and out as unit.Known, which has them all. */
#ifndef TESTS_UNIT_RPC_CODEC_KNOWN_RIG_H
#define TESTS_UNIT_RPC_CODEC_KNOWN_RIG_H

#include <stdio.h>

#include "core/limits.h"
#include "rpc/codec/codec.h"
#include "rpc/codec/types.h"
#include "test.h"
#include "unit.pb-c.h"

static struct arena arena;
static struct err e;

static int setup(void **state)
{
    (void)state;
    codec_init();
    return types_add(&unit__all__descriptor);
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

/* Valid until the next call. */
static Unit__Known *from_json(const char *text)
{
    arena_clear(&arena);
    return (Unit__Known *)codec_decode(CODEC_JSON, &unit__known__descriptor, bytes_of(text), &arena, &e);
}

/* The encoded message, NUL-terminated, valid until the next call; NULL when it is refused. */
static const char *encoded(enum codec codec, const ProtobufCMessage *m, size_t *len)
{
    static char *text;
    struct chain out = {0};

    free(text);
    text = NULL;
    if (codec_encode(codec, m, NULL, NULL, &out, &e) == 0) {
        *len = out.bytes;
        text = malloc(out.bytes + 1);
        chain_peek(&out, text, out.bytes);
        text[out.bytes] = 0;
    }
    chain_clear(&out);
    return text;
}

static const char *to_json(const Unit__Known *m)
{
    size_t len;

    return encoded(CODEC_JSON, &m->base, &len);
}

/* What goes in, in any of the accepted forms, and what comes out; and the same by way of the binary form. */
static UNUSED void check_round_trips(const char *const (*cases)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const Unit__Known *m = from_json(cases[i][0]);
        struct arena other = {0};
        const char *text, *wire;
        size_t len;

        if (!m)
            fail_msg("%s: %s", cases[i][0], e.text);
        text = to_json(m);
        if (!text)
            fail_msg("%s: %s", cases[i][0], e.text);
        assert_string_equal(text, cases[i][1]);
        wire = encoded(CODEC_PROTO, &m->base, &len);
        m = (Unit__Known *)codec_decode(CODEC_PROTO, &unit__known__descriptor, (struct bytes){wire, len},
                                        &other, &e);
        assert_non_null(m);
        assert_string_equal(to_json(m), cases[i][1]);
        arena_clear(&other);
    }
}

/* Each is followed by what the error says. */
static UNUSED void check_refused(const char *const (*cases)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (from_json(cases[i][0]))
            fail_msg("accepted: %s", cases[i][0]);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
        assert_string_equal(e.text, cases[i][1]);
    }
}

/* What there is no JSON for. */
static UNUSED void check_no_json(const Unit__Known *m, const char *why)
{
    if (to_json(m))
        fail_msg("accepted, where it should say: %s", why);
    assert_int_equal(e.status, STATUS_INTERNAL);
    assert_string_equal(e.text, why);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
