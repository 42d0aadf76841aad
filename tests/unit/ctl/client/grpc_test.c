/* What gRPC says of a call and of its end. */
#include "test.h"

#include "h2_rig.h"

static void a_call_has_its_fields(void **state)
{
    const struct call_spec s = {
        .protocol = CALL_GRPC, .method = "x.Y/Z", .timeout_ms = 250000000000, .gzip = true};
    char all[256];

    (void)state;
    grpc_answers(BYTES("\0\0\0\0\2ab\0\0\0\0\0"), "0");
    assert_int_equal(run(&s, all), 2);
    assert_string_equal(all, "ab;;");
    assert_string_equal(server.request,
                        ":method: POST\n:scheme: http\n:path: /x.Y/Z\n:authority: guestd\n"
                        "content-type: application/grpc+proto\nte: trailers\ngrpc-timeout: 4166666M\n"
                        "grpc-encoding: gzip\ngrpc-accept-encoding: gzip\n");
}

static void the_status_is_told_with_all_that_it_has(void **state)
{
    char all[256];

    (void)state;
    grpc_answers("", 0, "9");
    server.trailer[2] = "grpc-message";
    server.trailer[3] = "a%20b%zz%C3%A4%";
    server.trailer[4] = "grpc-status-details-bin";
    server.trailer[5] = "CAkaCwoHeC95L2EuQhIAGg4KCHgveS9hLkNjEgJoaQ"; /* two of a.B "" and a.Cc "hi" */
    assert_int_equal(run(&grpc, all), -1);
    assert_true(e.from_agent);
    assert_int_equal(e.err.status, STATUS_FAILED_PRECONDITION);
    assert_string_equal(e.err.text, "a b%zz\xc3\xa4%");
    assert_int_equal(c.detail_count, 2);
    assert_string_equal(c.details[0].type, "a.B");
    assert_string_equal(c.details[1].type, "a.Cc");
    assert_memory_equal(c.details[1].value, "hi", 2);
    assert_int_equal(c.trailers.count, 0);
}

static void a_head_may_be_all(void **state)
{
    char all[256];

    (void)state;
    grpc_answers("", 0, "8");
    server.only_head = true;
    server.trailer[2] = "x-own";
    server.trailer[3] = "1";
    assert_int_equal(run(&grpc, all), -1);
    assert_int_equal(e.err.status, STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(c.trailers.count, 1);
    assert_true(bytes_are(http_fields_get(&c.trailers, "x-own"), "1"));
}

static void broken_answers_are_internal(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *status, *type;
        enum status code;
        const char *all, *says;
    } cases[] = {
        {BYTES("\0\0\0\0\1a"), NULL, NULL, STATUS_INTERNAL, "a;",
         "agent: the answer has no status at its end"},
        {BYTES("\0\0\0\0\1a\0\0\0\0\5b"), "0", NULL, STATUS_INTERNAL, "a;",
         "agent: the answer ends inside a message"},
        {BYTES("\0\0\0"), "0", NULL, STATUS_INTERNAL, "", "agent: the answer ends inside a message"},
        {BYTES("\0\0\0"), "14", NULL, STATUS_UNAVAILABLE, "", ""},
        {BYTES(""), "17", NULL, STATUS_UNKNOWN, "", ""},
        {BYTES(""), "00x", NULL, STATUS_UNKNOWN, "", ""},
        {BYTES(""), "x", NULL, STATUS_UNKNOWN, "", ""},
        {BYTES("\2\0\0\0\0"), "0", NULL, STATUS_INTERNAL, "",
         "agent: the answer has a message with unknown flags"},
        {BYTES(""), "0", "application/grpc+json", STATUS_INTERNAL, "",
         "content type 'application/grpc+json'"},
        {BYTES(""), "0", "text/html", STATUS_UNKNOWN, "", "content type 'text/html'"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char all[256];

        grpc_answers(cases[i].bytes, cases[i].len, cases[i].status);
        if (!cases[i].status)
            server.trailer[0] = NULL;
        if (cases[i].type)
            server.type = cases[i].type;
        assert_int_equal(run(&grpc, all), -1);
        assert_int_equal(e.err.status, cases[i].code);
        assert_string_equal(all, cases[i].all);
        assert_string_equal(e.err.text, cases[i].says);
        teardown(state);
        assert_int_equal(setup(state), 0);
    }
}

/* With a body the end stands behind it, or there is none. */
static void a_status_in_the_head_is_none_of_a_body(void **state)
{
    char all[256];

    (void)state;
    grpc_answers(BYTES("\0\0\0\0\1a"), "8");
    server.only_head = true;
    assert_int_equal(run(&grpc, all), -1);
    assert_int_equal(e.err.status, STATUS_INTERNAL);
    assert_string_equal(all, "a;");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_call_has_its_fields),       T(the_status_is_told_with_all_that_it_has),
        T(a_head_may_be_all),           T(a_status_in_the_head_is_none_of_a_body),
        T(broken_answers_are_internal),
    };

    return RUN(tests);
}
