/* Requests over HTTP/2, as nghttp2's own client sends them. */
#include "h2_rig.h"

static void answers(void **state)
{
    struct h2_answer *a = get("GET", "/hello");

    (void)state;
    assert_int_equal(a->status, 200);
    assert_string_equal(a->body, "hello");
    assert_non_null(strstr(a->fields, "content-length=5\n"));
    assert_non_null(strstr(a->fields, "date="));
    assert_null(strstr(a->fields, "connection"));
    a = get("HEAD", "/hello");
    assert_int_equal(a->status, 200);
    assert_non_null(strstr(a->fields, "content-length=5\n"));
    assert_int_equal(a->len, 0);
    a = get("GET", "/empty");
    assert_int_equal(a->status, 204);
    assert_null(strstr(a->fields, "content-length"));
    assert_int_equal(get("GET", "/nowhere")->status, 404);
    assert_int_equal(get("POST", "/hello")->status, 405);
    assert_string_equal(get("GET", "/host")->body, "here");
    assert_int_equal(r.net.count, 1);
}

static void bodies_arrive_whole(void **state)
{
    enum { N = 700000 };
    static char data[N];
    static const size_t sizes[] = {1, 100, 1025, 5000, 20000, 300000, N};
    int32_t ids[ARRAY_LEN(sizes)];

    (void)state;
    for (int i = 0; i < N; i++)
        data[i] = (char)('a' + i % 23);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        ids[i] = h2_ask_with(&c, "POST", "/echo", NULL, NULL, data, sizes[i], false);
    h2_run(&c);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        assert_int_equal(answer(ids[i])->status, 200);
        assert_int_equal(answer(ids[i])->len, sizes[i]);
        assert_memory_equal(answer(ids[i])->body, data, sizes[i]);
    }
    assert_int_equal(destroyed, ARRAY_LEN(sizes));
    assert_int_equal(r.in_pool.in_use, 0);
}

static void limits_of_the_head(void **state)
{
    static char big[HEADER_MAX + 100];
    nghttp2_nv nv[HEADER_COUNT_MAX + 10];
    int32_t id;

    (void)state;
    memset(big, 'a', sizeof big - 1);
    big[0] = '/';
    big[URL_MAX + 1] = 0;
    assert_int_equal(get("GET", big)->status, 414);
    big[URL_MAX] = 0;
    assert_int_equal(get("GET", big)->status, 404);
    big[URL_MAX] = big[URL_MAX + 1] = 'a';
    id = h2_ask_with(&c, "GET", "/hello", "x", big, NULL, 0, false);
    h2_run(&c);
    assert_int_equal(answer(id)->status, 431);
    big[HEADER_MAX - 300] = 0;
    id = h2_ask_with(&c, "GET", "/hello", "x", big, NULL, 0, false);
    h2_run(&c);
    assert_int_equal(answer(id)->status, 200);
    for (size_t i = 0; i < ARRAY_LEN(nv); i++)
        nv[i] = (nghttp2_nv){(uint8_t *)"a", (uint8_t *)"b", 1, 1, 0};
    nv[0] = (nghttp2_nv){(uint8_t *)":method", (uint8_t *)"GET", 7, 3, 0};
    nv[1] = (nghttp2_nv){(uint8_t *)":scheme", (uint8_t *)"http", 7, 4, 0};
    nv[2] = (nghttp2_nv){(uint8_t *)":path", (uint8_t *)"/hello", 5, 6, 0};
    nv[3] = (nghttp2_nv){(uint8_t *)":authority", (uint8_t *)"a", 10, 1, 0};
    id = nghttp2_submit_request(c.session, NULL, nv, HEADER_COUNT_MAX + 3, NULL, NULL);
    h2_run(&c);
    assert_int_equal(answer(id)->status, 200);
    id = nghttp2_submit_request(c.session, NULL, nv, HEADER_COUNT_MAX + 4, NULL, NULL);
    h2_run(&c);
    assert_int_equal(answer(id)->status, 431);
    assert_int_equal(get("A-METHOD-NOBODY-KNOWS", "/hello")->status, 501);
    nv[0].value = (uint8_t *)"CONNECT", nv[0].valuelen = 7;
    nv[1] = (nghttp2_nv){(uint8_t *)":authority", (uint8_t *)"a:1", 10, 3, 0};
    id = nghttp2_submit_request(c.session, NULL, nv, 2, NULL, NULL);
    h2_run(&c);
    assert_int_equal(answer(id)->status, 405);
    assert_int_equal(c.goaways, 0);
}

/* A request that is not taken stops its sender and no neighbour. */
static void a_held_request_stops_nobody(void **state)
{
    static char data[1 << 20];
    int32_t id = h2_ask_with(&c, "POST", "/hold", NULL, NULL, data, sizeof data, false), other;

    (void)state;
    h2_run(&c);
    assert_int_equal(answer(id)->uploaded, H2_WINDOW);
    assert_int_equal(held->in.bytes, H2_WINDOW);
    for (int i = 0; i < 5; i++) {
        other = h2_ask_with(&c, "POST", "/echo", NULL, NULL, data, sizeof data, false);
        h2_run(&c);
        assert_int_equal(answer(other)->len, sizeof data);
    }
    chain_clear(&held->in);
    http_body_consumed(held);
    h2_run(&c);
    assert_int_equal(answer(id)->uploaded, 2 * H2_WINDOW);
    while (!answer(id)->upload_len || answer(id)->uploaded < answer(id)->upload_len) {
        chain_clear(&held->in);
        http_body_consumed(held);
        h2_run(&c);
    }
    assert_false(answer(id)->closed);
    http_reply_text(held, 200, "thanks");
    h2_run(&c);
    assert_string_equal(answer(id)->body, "thanks");
}

/* With the pool for request bodies exhausted one connection goes on at a time; nobody fails, nobody deadlocks. */
static void body_memory_runs_out(void **state)
{
    enum { N = 200000, CONNS = 4 };
    static char data[N];
    static struct h2_client clients[CONNS];
    struct seg *held_segs[1024];
    int count = 0;

    (void)state;
    while ((held_segs[count] = seg_get(&r.in_pool)))
        count++;
    for (int i = 0; i < CONNS; i++) {
        h2_open(&clients[i], &r);
        h2_ask_with(&clients[i], "POST", "/echo", NULL, NULL, data, N, false);
        h2_run(&clients[i]);
    }
    assert_int_equal(clients[0].answers[0].len, N); /* by the overdraft, until its end */
    while (count > 0)
        seg_unref(held_segs[--count]);
    for (int round = 0; round < 8; round++)
        for (int i = 0; i < CONNS; i++)
            h2_run(&clients[i]);
    for (int i = 0; i < CONNS; i++) {
        assert_int_equal(clients[i].answers[0].len, N);
        h2_shut(&clients[i]);
    }
}

static void a_reset_cancels_one(void **state)
{
    int32_t a = h2_ask(&c, "GET", "/stream"), b = h2_ask(&c, "GET", "/stream");

    (void)state;
    streams[0].left = streams[1].left = -1;
    h2_run(&c);
    nghttp2_submit_rst_stream(c.session, 0, a, NGHTTP2_CANCEL);
    h2_run(&c);
    assert_int_equal(cancelled, CLOSE_PEER_GONE);
    assert_int_equal(cancels, 1);
    assert_int_equal(destroyed, 1);
    assert_null(streams[0].x);
    streams[1].left = 0;
    http_kick(streams[1].x);
    h2_run(&c);
    assert_true(answer(b)->closed && answer(b)->error == NGHTTP2_NO_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(answers),
        T(bodies_arrive_whole),
        T(limits_of_the_head),
        T(a_held_request_stops_nobody),
        T(body_memory_runs_out),
        T(a_reset_cancels_one),
    };

    return RUN(tests);
}
