/* Responses over HTTP/2, as nghttp2's own client sees them. */
#include "h2_rig.h"

static void streams_and_trailers(void **state)
{
    int32_t id = h2_ask(&c, "GET", "/stream");

    (void)state;
    streams[0].left = 100;
    h2_run(&c);
    assert_int_equal(answer(id)->len, 100000);
    assert_true(answer(id)->closed && answer(id)->error == NGHTTP2_NO_ERROR);
    assert_non_null(strstr(answer(id)->fields, "x-sum=42\n"));
    streams[1].left = -1;
    id = h2_ask(&c, "GET", "/stream");
    h2_run(&c);
    assert_int_equal(answer(id)->status, 200); /* the head comes at once */
    assert_int_equal(answer(id)->len, 0);
    streams[1].left = 1;
    http_kick(streams[1].x);
    h2_run(&c);
    assert_int_equal(answer(id)->len, 1000);
    assert_true(answer(id)->closed);
    id = h2_ask(&c, "HEAD", "/stream");
    h2_run(&c);
    assert_int_equal(answer(id)->status, 200);
    assert_true(answer(id)->closed);
    assert_int_equal(destroyed, 3);
}

static void continues_when_wanted(void **state)
{
    int32_t id = h2_ask_with(&c, "POST", "/echo", "expect", "100-continue", "", 0, true);

    (void)state;
    h2_run(&c);
    assert_int_equal(answer(id)->continues, 1);
    answer(id)->upload_open = false;
    answer(id)->upload_len = 2;
    answer(id)->upload = "ok";
    nghttp2_submit_data(c.session, NGHTTP2_FLAG_END_STREAM, id,
                        &(nghttp2_data_provider){.read_callback = h2c_upload});
    h2_run(&c);
    assert_int_equal(answer(id)->status, 200);
    assert_string_equal(answer(id)->body, "ok");
    id = h2_ask_with(&c, "POST", "/nowhere", "expect", "100-continue", "x", 1, false);
    h2_run(&c);
    assert_int_equal(answer(id)->status, 404);
    assert_int_equal(answer(id)->continues, 0);
    id = h2_ask_with(&c, "POST", "/echo", "expect", "tea", "x", 1, false);
    h2_run(&c);
    assert_int_equal(answer(id)->status, 417);
}

/* A response that is not read stops its producer and no neighbour. */
static void a_stalled_response_stops_nobody(void **state)
{
    int32_t ids[100];

    (void)state;
    c.stingy = true; /* of the connection's window too, but that is wide */
    nghttp2_session_set_local_window_size(c.session, 0, 0, 1 << 24);
    for (int i = 0; i < 100; i++) {
        streams[i].left = i == 7 ? 1000000 : 20;
        ids[i] = h2_ask(&c, "GET", "/stream");
    }
    h2_run(&c);
    for (int i = 0; i < 100; i++) {
        if (i == 7)
            continue;
        assert_int_equal(answer(ids[i])->len, 20000);
        assert_true(answer(ids[i])->closed);
    }
    assert_int_equal(answer(ids[7])->len, 65535);
    assert_in_range(1000000 - streams[7].left, 65, 67);
    assert_string_equal(get("GET", "/hello")->body, "hello");
    streams[7].left = 10;
    c.stingy = false;
    nghttp2_session_consume(c.session, ids[7], 65535);
    h2_run(&c);
    assert_true(answer(ids[7])->closed);
    assert_int_equal(answer(ids[7])->len % 1000, 0);
}

static void aborts(void **state)
{
    int32_t id = h2_ask(&c, "GET", "/stream");

    (void)state;
    streams[0].left = -1;
    h2_run(&c);
    http_abort(streams[0].x);
    h2_run(&c);
    assert_int_equal(answer(id)->error, NGHTTP2_INTERNAL_ERROR);
    assert_int_equal(cancels, 0);
    assert_int_equal(destroyed, 1);
    streams[1].left = -1;
    id = h2_ask(&c, "GET", "/stream");
    h2_run(&c);
    streams[1].x->broken = true; /* a trailer could not be added */
    streams[1].left = 0;
    http_kick(streams[1].x);
    h2_run(&c);
    assert_int_equal(answer(id)->error, NGHTTP2_INTERNAL_ERROR);
    assert_false(answer(id)->ended);
}

/* A response may end before its request: a little of that may still come. */
static void an_unwanted_request_ends(void **state)
{
    static char data[2 * LINGER_BYTES];
    int32_t id = h2_ask_with(&c, "POST", "/nowhere", NULL, NULL, data, 1000, true);

    (void)state;
    h2_run(&c);
    assert_int_equal(answer(id)->status, 404);
    assert_true(answer(id)->ended);
    assert_false(answer(id)->closed);
    id = h2_ask_with(&c, "POST", "/nowhere", NULL, NULL, data, sizeof data, true);
    h2_run(&c);
    assert_int_equal(answer(id)->status, 404);
    assert_true(answer(id)->closed && answer(id)->error == NGHTTP2_NO_ERROR);
    ev_sleep(LINGER_MS / 1000. + 0.1);
    h2_run(&c);
    assert_true(answer(1)->closed && answer(1)->error == NGHTTP2_NO_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(streams_and_trailers),     T(continues_when_wanted), T(a_stalled_response_stops_nobody), T(aborts),
        T(an_unwanted_request_ends),
    };

    return RUN(tests);
}
