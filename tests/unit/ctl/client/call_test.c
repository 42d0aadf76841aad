/* Calls against answers written out: what is the same in all protocols. */
#include "test.h"

#include "call_rig.h"

#include "rpc/gzip.h"

static void answers_are_taken(void **state)
{
    static const struct example examples[] = {
        {&unary, "200", PROTO, BYTES("abc"), 2, 0, "abc;"},
        {&unary, "200", PROTO, BYTES(""), 2, 0, ";"},
        {&unary, "200", "Content-Type: Application/Proto; x=y\r\n", BYTES("abc"), 2, 0, "abc;"},
        {&unary, "200", PROTO "Content-Encoding: identity\r\n", BYTES("abc"), 2, 0, "abc;"},
        {&stream, "200", STREAM, BYTES("\2\0\0\0\2{}"), 2, 0, ""},
        {&stream, "200", STREAM, BYTES("\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\1d\2\0\0\0\2{}"), 2, 0, "abc;;d;"},
        {&stream, "200", STREAM, BYTES("\2\0\0\0\16{\"error\":null}"), 2, 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(&examples[i]);
}

/* A connection that breaks is something else: the call may be made again. */
static void a_broken_connection_is_unavailable(void **state)
{
    static const char cut[] =
        "HTTP/1.1 200 OK\r\n" STREAM "Transfer-Encoding: chunked\r\n\r\n6\r\n\0\0\0\0\1a\r\n4\r\n\0\0";

    (void)state;
    assert_int_equal(run(&stream, BYTES(cut), 5), -1);
    assert_string_equal(all, "a;");
    assert_int_equal(e.err.status, STATUS_UNAVAILABLE);
    assert_false(e.from_agent);
}

static void messages_have_a_bound(void **state)
{
    const struct call_spec small = {.method = "x.Y/Z", .message_max = 4},
                           one = {.unary = true, .method = "x.Y/Z", .message_max = 4};
    const struct example examples[] = {
        {&small, "200", STREAM, BYTES("\0\0\0\0\4abcd\0\0\0\0\5"), -1, STATUS_RESOURCE_EXHAUSTED,
         "abcd;agent: the answer is too large"},
        {&one, "200", PROTO, BYTES("abcd"), 2, 0, "abcd;"},
        {&one, "200", PROTO, BYTES("abcde"), -1, STATUS_RESOURCE_EXHAUSTED, "agent: the answer is too large"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(&examples[i]);
}

/* A small message may be a large one compressed: the bound is for what comes out. */
static void compressed_messages_are_bounded_by_what_they_become(void **state)
{
    const struct call_spec small = {.unary = true, .method = "x.Y/Z", .message_max = 1000};
    struct chain plain = {0}, packed = {0};
    char zeros[1001] = "", body[256];

    (void)state;
    for (int over = 0; over < 2; over++) {
        size_t len;

        assert_int_equal(chain_copy(&plain, zeros, 1000 + (size_t)over), 0);
        assert_int_equal(gzip_compress(&plain, NULL, &packed), 0);
        len = packed.bytes;
        chain_peek(&packed, body, len);
        chain_clear(&plain);
        chain_clear(&packed);
        len = http("200", PROTO "Content-Encoding: gzip\r\n", body, len);
        assert_int_equal(run(&small, text, len, sizeof text), over ? -1 : 2);
    }
    assert_int_equal(e.err.status, STATUS_RESOURCE_EXHAUSTED);
}

static void a_method_with_one_answer_has_one(void **state)
{
    static const struct {
        const char *body;
        size_t len;
        int got;
    } cases[] = {
        {BYTES("\0\0\0\0\2ab\2\0\0\0\2{}"), 0},
        {BYTES("\2\0\0\0\2{}"), -1},
        {BYTES("\0\0\0\0\2ab\0\0\0\0\2cd\2\0\0\0\2{}"), -1},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = http("200", STREAM, cases[i].body, cases[i].len);
        struct bytes message;

        teardown(state);
        assert_int_equal(setup(state), 0);
        assert_int_equal(call_begin(&c, &w, &stream, &(struct bytes){"", 0}, &e.err), 0);
        assert_int_equal(wire_receive(&w, (uint8_t *)text, len, &e.err), 1);
        assert_int_equal(call_one(&c, &message, &e), cases[i].got);
        if (cases[i].got == 0)
            assert_memory_equal(message.ptr, "ab", 2);
        else
            assert_int_equal(e.err.status, STATUS_UNIMPLEMENTED);
    }
}

static void time_and_a_change_of_mind_end_a_call(void **state)
{
    const struct call_spec timed = {.method = "x.Y/Z", .timeout_ms = 1, .keeps_time = true};
    struct bytes message;

    (void)state;
    assert_int_equal(call_begin(&c, &w, &timed, &(struct bytes){"", 0}, &e.err), 0);
    assert_int_equal(call_receive(&c, &message, &e), -1);
    assert_int_equal(e.err.status, STATUS_DEADLINE_EXCEEDED);
    assert_false(e.from_agent);
    teardown(state);
    assert_int_equal(setup(state), 0);
    assert_int_equal(call_begin(&c, &w, &stream, NULL, &e.err), 0);
    assert_int_equal(call_patience(&c), -1);
    call_cancel(&c);
    assert_int_equal(call_send(&c, (struct bytes){"x", 1}, &e.err), -1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call_receive(&c, &message, &e), -1);
        assert_int_equal(e.err.status, STATUS_CANCELED);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(answers_are_taken),
        T(a_broken_connection_is_unavailable),
        T(messages_have_a_bound),
        T(compressed_messages_are_bounded_by_what_they_become),
        T(a_method_with_one_answer_has_one),
        T(time_and_a_change_of_mind_end_a_call),
    };

    return RUN(tests);
}
