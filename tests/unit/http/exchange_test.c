/* An exchange between a handler and a wire, both the test's: answers, bodies, authorization, the end. */
#include "test.h"

#include <stdio.h>

#include "core/base.h"

/* The chain's copy fails when a test wants it: no memory for a body. */
static bool no_memory;

#include "core/chain.h"
#include "core/writer.h"

static int end_writing(struct writer *w)
{
    return (writer_done)(w) < 0 || no_memory ? -1 : 0;
}

#define chain_copy(c, data, n) (no_memory ? -1 : (chain_copy)(c, data, n))
#define writer_done(w)         end_writing(w)

#include "http/exchange.c"

#undef chain_copy
#undef writer_done

static struct http http;
static struct conn conn;
static struct http_exchange *x;
static int kicks, resumes, aborts, invitations; /* what the wire was asked to do */
static int begun, bodies, ends, cancels, destroys;
static size_t takes;       /* bytes that the owner takes of each delivery */
static bool becomes_owner; /* the handler does, instead of answering */
static enum close_reason cancelled_why;
static enum http_verdict verdict;

static void on_kick(struct http_exchange *exchange)
{
    assert_ptr_equal(exchange, x);
    kicks++;
}

static void on_resume(struct http_exchange *exchange)
{
    (void)exchange;
    resumes++;
}

static void on_abort(struct http_exchange *exchange)
{
    (void)exchange;
    aborts++;
}

static void on_want_body(struct http_exchange *exchange)
{
    (void)exchange;
    invitations++;
}

static const struct http_wire wire = {.protocol_name = "test",
                                      .kick = on_kick,
                                      .resume = on_resume,
                                      .abort = on_abort,
                                      .want_body = on_want_body};

static void on_body(struct http_exchange *exchange)
{
    bodies++;
    chain_drop(&exchange->in, MIN(takes, exchange->in.bytes));
    http_body_consumed(exchange);
}

static void on_body_end(struct http_exchange *exchange)
{
    (void)exchange;
    ends++;
}

static void on_cancel(struct http_exchange *exchange, enum close_reason why)
{
    (void)exchange;
    cancels++;
    cancelled_why = why;
}

static void on_destroy(struct http_exchange *exchange)
{
    (void)exchange;
    destroys++;
}

static const struct http_events events = {
    .body = on_body, .body_end = on_body_end, .cancel = on_cancel, .destroy = on_destroy};

static void on_begin(struct http_exchange *exchange)
{
    begun++;
    if (becomes_owner)
        http_own(exchange, &events, &begun);
    else
        http_reply(exchange, 200, "text/plain", BYTES_LIT("hi"));
}

static void on_deny(struct http_exchange *exchange, const struct err *e)
{
    http_reply(exchange, 418, NULL, bytes_of(e->text));
}

static enum http_verdict on_authorize(struct http_exchange *exchange)
{
    if (verdict == HTTP_PENDING)
        exchange->waiting = ticket_new(&exchange->http->waiting, exchange);
    if (verdict == HTTP_DENY)
        http_reply(exchange, 401, NULL, BYTES_LIT(""));
    return verdict;
}

/* A request whose head is there. */
static void request(const char *method, const char *target)
{
    if (x)
        http_exchange_free(x);
    x = http_exchange_new(&http, &conn, &wire, NULL);
    assert_int_equal(http_exchange_target(x, method, bytes_of(target)), 0);
}

static int setup(void **state)
{
    (void)state;
    http_init(&http, NULL);
    http.authorize = on_authorize;
    conn = (struct conn){.control_only = false};
    kicks = resumes = aborts = invitations = begun = bodies = ends = cancels = destroys = 0;
    takes = SIZE_MAX;
    becomes_owner = no_memory = false;
    verdict = HTTP_ALLOW;
    if (http_route_add(&http, &(struct http_route){.method = "POST", .path = "/r", .begin = on_begin}) < 0 ||
        http_route_add(&http, &(struct http_route){.method = "GET", .path = "/r", .begin = on_begin}) < 0 ||
        http_route_add(
            &http, &(struct http_route){.method = "POST", .path = "/d", .begin = on_begin, .deny = on_deny}) <
            0 ||
        http_route_add(&http,
                       &(struct http_route){
                           .method = "POST", .path = "/c", .flags = HTTP_CONTROL, .begin = on_begin}) < 0)
        return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (x)
        http_exchange_free(x);
    x = NULL;
    http_destroy(&http);
    return 0;
}

static const char *body(void)
{
    static char text[2048];

    assert_true(x->body.bytes < sizeof text);
    chain_peek(&x->body, text, x->body.bytes);
    text[x->body.bytes] = 0;
    return text;
}

static const char *field(const char *name)
{
    static char text[256];
    struct bytes v = http_fields_get(&x->response, name);

    snprintf(text, sizeof text, "%.*s", (int)v.len, v.ptr ? v.ptr : "");
    return text;
}

static void body_arrives(const char *text, bool end)
{
    assert_int_equal((chain_copy)(&x->in, text, strlen(text)), 0);
    http_body_arrived(x, end);
}

/* --- the target ------------------------------------------------------------------------------ */

static void targets_have_a_path_and_a_query(void **state)
{
    static const char *const cases[][3] = {
        {"/a/b?c=d", "/a/b", "c=d"},
        {"/", "/", ""},
        {"/?", "/", ""},
        {"/a?b?c", "/a", "b?c"},
        {"*", "*", ""},
        {"http://host/p?q", "/p", "q"},
        {"http://host", "/", ""},
        {"HTTP://h:1/%2f", "/%2f", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        request("GET", cases[i][0]);
        assert_true(bytes_are(x->path, cases[i][1]));
        assert_true(bytes_are(x->query, cases[i][2]));
        assert_string_equal(x->target, cases[i][0]);
    }
    assert_false(x->head_only);
    request("HEAD", "/");
    assert_true(x->head_only);
}

static void query_values_are_decoded_or_refused(void **state)
{
    static const struct {
        const char *query, *value;
        bool present;
    } cases[] = {
        {"/?k=v", "v", true},    {"/?a=b&k=v&k=w", "v", true},   {"/?k", "", true},
        {"/?k=", "", true},      {"/?k=a+b%2Bc", "a b+c", true}, {"/?k=%e2%82%ac", "\xe2\x82\xac", true},
        {"/?K=v", NULL, false},  {"/?kk=v", NULL, false},        {"/", NULL, false},
        {"/?k=%", NULL, true},   {"/?k=%4", NULL, true},         {"/?k=%g0", NULL, true},
        {"/?k=%00", NULL, true}, {"/?&&k=v&", "v", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool present;
        char *value;

        request("GET", cases[i].query);
        value = http_query(x, "k", &present);
        if (present != cases[i].present || (value == NULL) != (cases[i].value == NULL))
            fail_msg("%s: %s", cases[i].query, value ? value : "none");
        if (value)
            assert_string_equal(value, cases[i].value);
        free(value);
    }
}

/* --- answers --------------------------------------------------------------------------------- */

static void a_handler_answers(void **state)
{
    (void)state;
    request("POST", "/r");
    http_begin(x);
    assert_int_equal(begun, 1);
    assert_int_equal(x->status, 200);
    assert_int_equal(x->response_length, 2);
    assert_string_equal(body(), "hi");
    assert_string_equal(field("content-type"), "text/plain");
    assert_int_equal(kicks, 1);
    assert_int_equal(http.requests, 1);
}

static void nobody_there_is_404_and_another_method_405(void **state)
{
    (void)state;
    request("POST", "/nowhere");
    http_begin(x);
    assert_int_equal(x->status, 404);
    assert_string_equal(body(), "404 page not found\n");
    assert_string_equal(field("x-content-type-options"), "nosniff");
    request("PUT", "/r");
    http_begin(x);
    assert_int_equal(x->status, 405);
    assert_string_equal(field("allow"), "POST, GET, HEAD");
    assert_int_equal(begun, 0);
}

static void errors_are_json_whatever_their_text(void **state)
{
    (void)state;
    request("POST", "/r");
    http_error(x, 400, "bad \"%s\"\n", "x\xff");
    assert_int_equal(x->status, 400);
    assert_string_equal(body(), "{\"code\":400,\"message\":\"bad \\\"x\xef\xbf\xbd\\\"\\n\"}\n");
    assert_string_equal(field("content-type"), "application/json; charset=utf-8");
}

static void each_status_has_its_http_number(void **state)
{
    static const int want[] = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                               400, 409, 400, 501, 500, 503, 500, 401};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_int_equal(http_status_of((enum status)i), want[i]);
    assert_int_equal(http_status_of((enum status)99), 500);
}

/* Without memory a short 500 comes, and nothing of what was half made. */
static void without_memory_it_is_a_500(void **state)
{
    (void)state;
    no_memory = true;
    request("POST", "/r");
    http_add(x, "X-Half", "made");
    http_reply(x, 200, "text/plain", BYTES_LIT("hi"));
    assert_int_equal(x->status, 500);
    assert_int_equal(x->response_length, 0);
    assert_int_equal(x->response.count, 0);
    assert_int_equal(kicks, 1);
    request("POST", "/r");
    http_error(x, 404, "text");
    assert_int_equal(x->status, 500);
}

static void too_many_fields_are_a_500_too(void **state)
{
    (void)state;
    request("POST", "/r");
    for (int i = 0; i <= HEADER_COUNT_MAX; i++)
        http_add(x, "X-Field", "v");
    http_reply(x, 200, NULL, BYTES_LIT("hi"));
    assert_int_equal(x->status, 500);
    assert_int_equal(x->body.bytes, 0);
}

static void beyond_the_limit_only_control_calls_are_served(void **state)
{
    (void)state;
    conn.control_only = true;
    request("POST", "/r");
    http_begin(x);
    assert_int_equal(x->status, 503);
    assert_string_equal(field("connection"), "close");
    assert_int_equal(begun, 0);
    request("POST", "/c");
    http_begin(x);
    assert_int_equal(x->status, 200);
}

/* --- authorization --------------------------------------------------------------------------- */

static void who_may_not_is_not_routed(void **state)
{
    (void)state;
    verdict = HTTP_DENY;
    request("POST", "/r");
    http_begin(x);
    assert_int_equal(x->status, 401);
    assert_int_equal(begun, 0);
    request("POST", "/nowhere"); /* and does not learn what there is */
    http_begin(x);
    assert_int_equal(x->status, 401);
}

static void a_late_decision_finds_its_exchange(void **state)
{
    struct err denied;

    (void)state;
    verdict = HTTP_PENDING;
    becomes_owner = true;
    request("POST", "/r");
    http_begin(x);
    body_arrives("early", true);
    assert_int_equal(begun, 0);
    assert_int_equal(x->in.bytes, 5); /* kept until there is an owner */
    http_authorized(&http, x->waiting, NULL);
    assert_int_equal(begun, 1);
    assert_int_equal(bodies, 1);
    assert_int_equal(ends, 1);
    request("POST", "/r");
    http_begin(x);
    err_set(&denied, STATUS_PERMISSION_DENIED, 0, "not \"you\"");
    http_authorized(&http, x->waiting, &denied);
    assert_int_equal(x->status, 403);
    assert_string_equal(body(), "{\"code\":\"permission_denied\",\"message\":\"not \\\"you\\\"\"}");
    assert_int_equal(begun, 1);
    request("POST", "/d"); /* a route may have a form of its own */
    http_begin(x);
    http_authorized(&http, x->waiting, &denied);
    assert_int_equal(x->status, 418);
}

static void a_late_decision_for_nobody_does_nothing(void **state)
{
    ticket waiting;

    (void)state;
    verdict = HTTP_PENDING;
    request("POST", "/r");
    http_begin(x);
    waiting = x->waiting;
    http_exchange_free(x);
    x = NULL;
    http_authorized(&http, waiting, NULL);
    assert_int_equal(begun, 0);
}

/* --- the body -------------------------------------------------------------------------------- */

static void a_body_goes_to_its_owner_and_its_end_once(void **state)
{
    (void)state;
    becomes_owner = true;
    request("POST", "/r");
    http_begin(x);
    assert_int_equal(ends, 0);
    body_arrives("one", false);
    body_arrives("two", false);
    assert_int_equal(bodies, 2);
    assert_int_equal(resumes, 2);
    http_body_arrived(x, true);
    http_body_arrived(x, true);
    assert_int_equal(ends, 1);
}

static void what_the_owner_leaves_stops_the_reading(void **state)
{
    static char block[BODY_WINDOW + 1];

    (void)state;
    memset(block, 'x', BODY_WINDOW);
    becomes_owner = true;
    takes = 0;
    request("POST", "/r");
    http_begin(x);
    body_arrives(block, false);
    assert_int_equal(resumes, 0);
    chain_drop(&x->in, 1);
    http_body_consumed(x);
    assert_int_equal(resumes, 1);
}

static void a_body_that_nobody_wants_is_dropped(void **state)
{
    (void)state;
    request("POST", "/r");
    http_begin(x); /* answered at once */
    body_arrives("late", false);
    assert_int_equal(x->in.bytes, 0);
    assert_int_equal(resumes, 1);
}

static void the_body_is_invited_when_an_owner_waits_for_it(void **state)
{
    (void)state;
    becomes_owner = true;
    request("POST", "/r");
    x->expects_continue = true;
    http_begin(x);
    assert_int_equal(invitations, 1);
    becomes_owner = false;
    request("POST", "/r");
    x->expects_continue = true;
    http_begin(x); /* answered: the body may stay where it is */
    assert_int_equal(invitations, 1);
}

/* --- the end --------------------------------------------------------------------------------- */

static void a_cancel_is_told_once_and_then_nothing_but_the_end(void **state)
{
    (void)state;
    becomes_owner = true;
    request("POST", "/r");
    http_begin(x);
    http_cancel(x, CLOSE_PEER_GONE);
    http_cancel(x, CLOSE_TIMEOUT);
    assert_int_equal(cancels, 1);
    assert_int_equal(cancelled_why, CLOSE_PEER_GONE);
    body_arrives("late", true);
    assert_int_equal(bodies, 0);
    assert_int_equal(ends, 0);
    http_stream(x, 200, NULL, -1);
    assert_int_equal(kicks, 0);
    http_exchange_free(x);
    x = NULL;
    assert_int_equal(destroys, 1);
}

static void after_its_response_there_is_nothing_to_cancel(void **state)
{
    (void)state;
    becomes_owner = true;
    request("POST", "/r");
    http_begin(x);
    x->ended = true;
    http_cancel(x, CLOSE_PEER_GONE);
    assert_int_equal(cancels, 0);
}

static void an_abort_is_the_owners_and_is_not_told_to_it(void **state)
{
    (void)state;
    becomes_owner = true;
    request("POST", "/r");
    http_begin(x);
    http_abort(x);
    assert_int_equal(aborts, 1);
    http_cancel(x, CLOSE_ERROR);
    assert_int_equal(cancels, 0);
}

static void a_kick_before_there_is_an_answer_does_nothing(void **state)
{
    (void)state;
    becomes_owner = true;
    request("POST", "/r");
    http_begin(x);
    http_kick(x);
    assert_int_equal(kicks, 0);
    http_stream(x, 200, "text/plain", -1);
    assert_int_equal(x->response_length, -1);
    assert_int_equal(kicks, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(targets_have_a_path_and_a_query),
        T(query_values_are_decoded_or_refused),
        T(a_handler_answers),
        T(nobody_there_is_404_and_another_method_405),
        T(errors_are_json_whatever_their_text),
        T(each_status_has_its_http_number),
        T(without_memory_it_is_a_500),
        T(too_many_fields_are_a_500_too),
        T(beyond_the_limit_only_control_calls_are_served),
        T(who_may_not_is_not_routed),
        T(a_late_decision_finds_its_exchange),
        T(a_late_decision_for_nobody_does_nothing),
        T(a_body_goes_to_its_owner_and_its_end_once),
        T(what_the_owner_leaves_stops_the_reading),
        T(a_body_that_nobody_wants_is_dropped),
        T(the_body_is_invited_when_an_owner_waits_for_it),
        T(a_cancel_is_told_once_and_then_nothing_but_the_end),
        T(after_its_response_there_is_nothing_to_cancel),
        T(an_abort_is_the_owners_and_is_not_told_to_it),
        T(a_kick_before_there_is_an_answer_does_nothing),
    };

    return RUN(tests);
}
