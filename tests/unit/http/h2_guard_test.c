/* HTTP/2 as a hostile client speaks it, and a session that runs out of memory. */
#include "h2_rig.h"

/* The connection ended with this error. */
static void ended_with(uint32_t error)
{
    h2_run(&c);
    assert_int_equal(c.goaways, 1);
    assert_int_equal(c.goaway_error, error);
    assert_true(c.gone);
    rig_turns(&r, 4);
}

static void stream_limit(void **state)
{
    int32_t last = 0;

    (void)state;
    h2_run(&c); /* our SETTINGS first */
    for (int i = 0; i < H2_STREAMS_MAX; i++) {
        streams[i].left = -1;
        last = h2_ask(&c, "GET", "/stream");
    }
    h2_run(&c);
    assert_int_equal(answer(last)->status, 200);
    assert_int_equal(session()->count, H2_STREAMS_MAX);
    assert_true(session()->memory < H2_MEMORY_MAX / 2);
    /* nghttp2's client keeps the next back; another does not. */
    h2_raw(&c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, last + 2, GET,
           sizeof GET - 1, 1);
    ended_with(NGHTTP2_PROTOCOL_ERROR);
    assert_int_equal(cancels, H2_STREAMS_MAX);
}

static void rapid_reset(void **state)
{
    static uint8_t two[9 + 6 + 9 + 4] = {0, 0, 6, NGHTTP2_HEADERS, 5};
    int i = 0;

    (void)state;
    h2_run(&c);
    c.raw = true;
    for (; i < 3 * H2_RESETS_MAX && TAILQ_FIRST(&r.net.conns)->phase == CONN_OPEN; i++) {
        int32_t id = 2 * i + 1;

        memcpy(two + 9, GET, 6);
        memcpy(two + 15, "\0\0\4\3", 4);
        two[7] = two[22] = (uint8_t)(id >> 8);
        two[8] = two[23] = (uint8_t)id;
        assert_int_equal(send(c.fd, two, sizeof two, MSG_NOSIGNAL), sizeof two);
        rig_turns(&r, 1);
    }
    assert_in_range(i, H2_RESETS_MAX, 2 * H2_RESETS_MAX);
    ended_with(NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Frames that carry nothing. A thousand are nothing to speak of, in one go or not. */
static void idle_frames(void **state)
{
    static const struct {
        uint8_t type, flags;
        int32_t id;
        const char *payload;
        size_t n;
    } floods[] = {
        {NGHTTP2_PING, 0, 0, "12345678", 8},          /* CVE-2019-9512 */
        {NGHTTP2_SETTINGS, 0, 0, "", 0},              /* CVE-2019-9515 */
        {NGHTTP2_PRIORITY, 0, 5, "\0\0\0\3\7", 5},    /* CVE-2019-9513 */
        {NGHTTP2_DATA, 0, 1, "", 0},                  /* CVE-2019-9518 */
        {NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\1", 4}, /* CVE-2019-9517 */
        {NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
        cancelled = -1;
        h2_ask_with(&c, "POST", "/hold", NULL, NULL, "", 0, true);
        h2_run(&c);
        h2_raw(&c, floods[i].type, floods[i].flags, floods[i].id, floods[i].payload, floods[i].n,
               H2_IDLE_FRAMES_MAX - 50);
        h2_run(&c);
        if (c.goaways || c.gone)
            fail_msg("flood %zu came to its end too soon: %u", i, c.goaway_error);
        h2_raw(&c, floods[i].type, floods[i].flags, floods[i].id, floods[i].payload, floods[i].n,
               H2_IDLE_FRAMES_MAX);
        h2_run(&c);
        if (!c.gone || c.goaway_error != NGHTTP2_ENHANCE_YOUR_CALM)
            fail_msg("flood %zu was not stopped: %d %u", i, c.gone, c.goaway_error);
        assert_int_equal(cancelled, CLOSE_ERROR);
        h2_shut(&c);
        h2_open(&c, &r);
    }
}

/* A window of one byte makes each byte a frame: CVE-2019-9511. */
static void data_dribble(void **state)
{
    int32_t id;
    int i = 0;

    (void)state;
    h2_shut(&c);
    h2_open_with(&c, &r, 1);
    streams[0].left = 100;
    c.stingy = true;
    id = h2_ask(&c, "GET", "/stream");
    h2_run(&c);
    assert_int_equal(answer(id)->len, 1);
    for (; i < 2 * H2_IDLE_FRAMES_MAX && !c.gone; i++) {
        h2_raw(&c, NGHTTP2_WINDOW_UPDATE, 0, id, "\0\0\0\1", 4, 1);
        if (i % 100 == 0)
            h2_run(&c);
    }
    assert_in_range(i, H2_IDLE_FRAMES_MAX / 2 - 100, H2_IDLE_FRAMES_MAX);
    ended_with(NGHTTP2_ENHANCE_YOUR_CALM);
}

/* A header in endless pieces: CVE-2024-27316, CVE-2024-28182. */
static void continuation_flood(void **state)
{
    (void)state;
    h2_run(&c);
    h2_raw(&c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, GET, sizeof GET - 1, 1);
    h2_raw(&c, NGHTTP2_CONTINUATION, 0, 1, "", 0, H2_CONTINUATIONS_MAX);
    h2_run(&c);
    assert_false(c.gone);
    h2_raw(&c, NGHTTP2_CONTINUATION, 0, 1, "", 0, 1);
    h2_run(&c);
    assert_true(c.gone);
    rig_turns(&r, 4);
    assert_int_equal(r.net.count, 0);
}

/* A field of 4,000 bytes goes into the table; then each byte of the header stands for it. */
static void header_bomb(void **state)
{
    enum { HEAD = 12, FIELD = 3900, MANY = 20 };
    static uint8_t block[HEAD + FIELD + MANY] =
        GET "\x40\1x\x7f\xbd\x1d"; /* a new field of the table, with 127 + 0x3d + (0x1d << 7) bytes */

    (void)state;
    memset(block + HEAD, 'y', FIELD);
    memset(block + HEAD + FIELD, 0x80 | 62, MANY);
    h2_run(&c);
    h2_raw(&c, NGHTTP2_HEADERS, 5, 1, block, HEAD + FIELD + 2, 1); /* three of them are served */
    h2_run(&c);
    assert_int_equal(r.http.requests, 1);
    memcpy(block + HEAD + FIELD - 6, GET, 6);
    h2_raw(&c, NGHTTP2_HEADERS, 5, 3, block + HEAD + FIELD - 6, 6 + 5, 1); /* five are refused */
    h2_run(&c);
    assert_int_equal(r.http.requests, 1);
    assert_false(c.gone);
    h2_raw(&c, NGHTTP2_HEADERS, 5, 5, block + HEAD + FIELD - 6, 6 + MANY, 1);
    ended_with(NGHTTP2_ENHANCE_YOUR_CALM);
}

/* An id that was passed over cannot be used any more; one that has been cannot be again. */
static void ids_are_used_in_order(void **state)
{
    (void)state;
    h2_run(&c);
    h2_raw(&c, NGHTTP2_HEADERS, 5, 5, GET, sizeof GET - 1, 1);
    h2_raw(&c, NGHTTP2_HEADERS, 5, 3, GET, sizeof GET - 1, 1);
    ended_with(NGHTTP2_PROTOCOL_ERROR);
}

static void a_large_frame_is_refused(void **state)
{
    static char data[H2_FRAME_MAX + 1];

    (void)state;
    h2_ask_with(&c, "POST", "/hold", NULL, NULL, "", 0, true);
    h2_run(&c);
    h2_raw(&c, NGHTTP2_DATA, 0, 1, data, H2_FRAME_MAX, 1);
    h2_run(&c);
    assert_int_equal(held->in.bytes, H2_FRAME_MAX);
    h2_raw(&c, NGHTTP2_DATA, 0, 1, data, H2_FRAME_MAX + 1, 1);
    ended_with(NGHTTP2_FRAME_SIZE_ERROR);
}

/* Wherever the session runs out of memory, its connection ends and nothing else. */
static void memory_runs_out(void **state)
{
    size_t answered = 0, ended = 0;

    (void)state;
    for (size_t left = 0; left < 12000; left += 40) {
        static char data[20000];
        int before = destroyed;

        cancelled = -1;
        memset(streams, 0, sizeof streams);
        streaming = 0;
        streams[0].left = 30;
        h2_run(&c);
        session()->memory += H2_MEMORY_MAX - session()->memory - MIN(left, (size_t)H2_MEMORY_MAX);
        h2_ask(&c, "GET", "/hello");
        h2_ask(&c, "GET", "/stream");
        h2_ask_with(&c, "POST", "/echo", NULL, NULL, data, sizeof data, false);
        h2_run(&c);
        answered += answer(3)->len == 30000 && answer(5)->len == sizeof data;
        ended += c.gone;
        assert_true(c.gone || answer(5)->closed);
        h2_shut(&c);
        assert_int_equal(r.net.count, 0);
        assert_in_range(destroyed - before, 0, 2);
        h2_open(&c, &r);
    }
    assert_true(answered > 0 && ended > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(stream_limit),       T(rapid_reset), T(idle_frames),           T(data_dribble),
        T(continuation_flood), T(header_bomb), T(ids_are_used_in_order), T(a_large_frame_is_refused),
        T(memory_runs_out),
    };

    return RUN(tests);
}
