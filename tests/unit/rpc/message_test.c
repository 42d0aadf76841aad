#include "rpc/call.h"

#include "core/base64.h"
#include "core/limits.h"
#include "rpc/envelope.h"
#include "test.h"

static struct rpc rpc = {.message_max = 1000};
static const struct rpc_method method = {.name = "Test"};

static struct rpc_call call_of(const struct rpc_protocol *p)
{
    return (struct rpc_call){.rpc = &rpc, .protocol = p, .method = &method};
}

static void forget(struct rpc_call *call)
{
    chain_clear(&call->in);
    free(call->message);
}

/* Feeds the bytes as the next part of the body. */
static int feed(struct rpc_call *call, const void *data, size_t len, bool complete, struct err *e)
{
    struct chain in = {0};
    int ret;

    assert_int_equal(chain_copy(&in, data, len), 0);
    ret = message_receive(call, &in, complete, e);
    if (ret == 0)
        assert_int_equal(in.bytes, 0);
    chain_clear(&in);
    return ret;
}

static void a_message_in_pieces(void **state)
{
    const char *text = "\0\0\0\0\3abc\0\0\0\0\0";
    struct rpc_call call = call_of(&connect_stream);
    struct bytes m;
    struct err e;

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(message_next(&call, &m, &e), 0);
        assert_int_equal(feed(&call, text + i, 1, false, &e), 0);
    }
    assert_int_equal(message_next(&call, &m, &e), 1);
    assert_int_equal(m.len, 3);
    assert_memory_equal(m.ptr, "abc", 3);
    assert_int_equal(call.taken, 8);
    free(TAKE(call.message));
    chain_drop(&call.in, call.taken);
    assert_int_equal(feed(&call, text + 8, 5, true, &e), 0);
    assert_int_equal(message_next(&call, &m, &e), 1);
    assert_int_equal(m.len, 0);
    forget(&call);
}

static void what_is_no_envelope(void **state)
{
    static const struct {
        const char *head;
        enum status status;
    } cases[] = {
        {"\2\0\0\0\0", STATUS_INVALID_ARGUMENT},     /* an end is ours to send */
        {"\1\0\0\0\1", STATUS_INTERNAL},             /* compressed, and nobody said how */
        {"\0\0\0\3\xe9", STATUS_RESOURCE_EXHAUSTED}, /* 1,001 bytes */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rpc_call call = call_of(&grpc);
        struct bytes m;
        struct err e = {0};

        assert_int_equal(feed(&call, cases[i].head, 5, false, &e), 0);
        assert_int_equal(message_check(&call, &e), -1); /* before the message has come */
        assert_int_equal(message_next(&call, &m, &e), -1);
        assert_int_equal(e.status, cases[i].status);
        forget(&call);
    }
}

static void a_whole_body(void **state)
{
    struct rpc_call call = call_of(&connect_unary);
    char large[1001] = "";
    struct bytes m;
    struct err e;

    (void)state;
    assert_int_equal(message_next(&call, &m, &e), 1); /* an empty one is a message */
    assert_int_equal(m.len, 0);
    free(TAKE(call.message));
    assert_int_equal(feed(&call, large, sizeof large, true, &e), 0);
    assert_int_equal(message_next(&call, &m, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    forget(&call);
}

static void more_than_can_be_a_message(void **state)
{
    struct rpc_call call = call_of(&connect_stream);
    size_t len = rpc.message_max + ENVELOPE_SIZE + BODY_WINDOW + 1;
    CLEANUP_FREE char *data = calloc(1, len);
    struct err e;

    (void)state;
    assert_int_equal(feed(&call, data, len, false, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    forget(&call);
}

/* However it is cut, and wherever its padding stands. */
static void base64_in_pieces(void **state)
{
    const char *text = "AAAAAANhYmM=AAAAAAA="; /* \0 \0 \0 \0 \3 abc, and an empty message */

    (void)state;
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        struct rpc_call call = call_of(&grpc_web_text);
        uint8_t plain[13];
        struct err e;

        assert_int_equal(feed(&call, text, cut, false, &e), 0);
        assert_int_equal(feed(&call, text + cut, strlen(text) - cut, true, &e), 0);
        assert_int_equal(call.in.bytes, sizeof plain);
        chain_peek(&call.in, plain, sizeof plain);
        assert_memory_equal(plain, "\0\0\0\0\3abc\0\0\0\0\0", sizeof plain);
        forget(&call);
    }
}

static void base64_without_its_padding(void **state)
{
    struct rpc_call call = call_of(&grpc_web_text);
    struct err e;

    (void)state;
    assert_int_equal(feed(&call, "AAAAAAA", 7, true, &e), 0);
    assert_int_equal(call.in.bytes, 5);
    forget(&call);
}

static void what_is_no_base64(void **state)
{
    static const char *const cases[] = {"!!!!", "AAAA=AAA", "A"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rpc_call call = call_of(&grpc_web_text);
        struct err e = {0};

        assert_int_equal(feed(&call, cases[i], strlen(cases[i]), true, &e), -1);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
        forget(&call);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_in_pieces), cmocka_unit_test(what_is_no_envelope),
        cmocka_unit_test(a_whole_body),        cmocka_unit_test(more_than_can_be_a_message),
        cmocka_unit_test(base64_in_pieces),    cmocka_unit_test(base64_without_its_padding),
        cmocka_unit_test(what_is_no_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
