#include "guest/exec/ring.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "test.h"

enum { POOL = 256 };

static struct seg_pool pool;
static struct ring r;
static int out[2]; /* a pipe to feed the ring with */

static int setup(void **state)
{
    (void)state;
    assert_int_equal(seg_pool_init(&pool, POOL * SEG_SIZE), 0);
    assert_int_equal(pipe2(out, O_NONBLOCK), 0);
    ring_init(&r, &pool, 16 * SEG_SIZE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ring_clear(&r);
    assert_int_equal(pool.in_use, 0);
    seg_pool_destroy(&pool);
    close(out[0]);
    close(out[1]);
    return 0;
}

/* Puts bytes through the pipe into the ring; returns what ring_read said. */
static ssize_t feed(enum ring_stream stream, const char *data, size_t n)
{
    assert_int_equal(write(out[1], data, n), n);
    return ring_read(&r, out[0], stream, n);
}

/* Everything a cursor has, as "o:..." and "e:..." runs. */
static const char *drain(struct ring_cursor *c)
{
    static char text[4096];
    size_t len = 0;
    enum ring_stream stream;
    struct chain chain = {0};

    text[0] = 0;
    while (ring_next(c, 1000, UINT64_MAX, &chain, &stream) > 0) {
        len += (size_t)sprintf(text + len, "%c:", "oep"[stream]);
        chain_peek(&chain, text + len, chain.bytes);
        len += chain.bytes;
        text[len] = 0;
        chain_clear(&chain);
    }
    return text;
}

static void neighbours_merge(void **state)
{
    struct ring_cursor c;

    (void)state;
    ring_attach(&r, &c, 0);
    assert_string_equal(drain(&c), "");
    assert_int_equal(feed(RING_STDOUT, "ab", 2), 2);
    assert_int_equal(feed(RING_STDOUT, "cd", 2), 2);
    assert_int_equal(feed(RING_STDERR, "EE", 2), 2);
    assert_int_equal(feed(RING_STDOUT, "f", 1), 1);
    assert_string_equal(drain(&c), "o:abcde:EEo:f");
    assert_int_equal(feed(RING_STDOUT, "g", 1), 1); /* into the record that the cursor has read to its end */
    assert_string_equal(drain(&c), "o:g");
    assert_int_equal(c.offset, 8);
    assert_int_equal(r.held, 1);
    assert_int_equal(ring_append(&r, RING_STDERR, BYTES_LIT("ours")), 0);
    assert_string_equal(drain(&c), "e:ours");
    ring_detach(&c);
    ring_detach(&c);
}

static void every_offset_can_be_attached(void **state)
{
    (void)state;
    feed(RING_STDOUT, "ab", 2);
    feed(RING_STDERR, "cd", 2);
    feed(RING_STDOUT, "ef", 2);
    for (uint64_t at = 0; at <= 8; at++) {
        struct ring_cursor c;
        char flat[16] = "";

        ring_attach(&r, &c, at);
        assert_int_equal(c.offset, at > 6 ? 6 : at);
        for (const char *p = drain(&c); *p; p++)
            if (*p >= 'a' && p[1] != ':' && *p != ':')
                strncat(flat, p, 1);
        assert_string_equal(flat, at > 6 ? "" : "abcdef" + at);
        ring_detach(&c);
    }
}

static void stops_at_an_end(void **state)
{
    struct ring_cursor c;
    struct chain chain = {0};
    enum ring_stream stream;

    (void)state;
    feed(RING_STDOUT, "abcdef", 6);
    ring_attach(&r, &c, 0);
    assert_int_equal(ring_next(&c, 100, 4, &chain, &stream), 4);
    assert_int_equal(ring_next(&c, 100, 4, &chain, &stream), 0);
    assert_int_equal(ring_next(&c, 100, 3, &chain, &stream), 0);
    assert_int_equal(ring_next(&c, 1, 6, &chain, &stream), 1);
    chain_clear(&chain);
    ring_detach(&c);
}

static void reads_say_what_happened(void **state)
{
    char big[70000] = "";

    (void)state;
    assert_int_equal(ring_read(&r, out[0], RING_STDOUT, 100), RING_AGAIN);
    assert_int_equal(r.held, 0); /* nothing was kept for nothing */
    assert_int_equal(ring_read(&r, -1, RING_STDOUT, 100), RING_ERROR);
    assert_int_equal(fcntl(out[1], F_SETPIPE_SZ, 1 << 20) > 0, 1);
    assert_int_equal(write(out[1], big, sizeof big), sizeof big);
    assert_int_equal(ring_read(&r, out[0], RING_STDOUT, FRAME_MAX), FRAME_MAX); /* a full pipe at once */
    assert_int_equal(ring_read(&r, out[0], RING_STDOUT, FRAME_MAX), sizeof big - FRAME_MAX);
    close(out[1]);
    assert_int_equal(ring_read(&r, out[0], RING_STDOUT, 100), RING_EOF);
    out[1] = dup(out[0]);
}

/* With a reader that does not read the ring fills up and the pipe is left alone; nothing is given up. */
static void unread_bytes_stay(void **state)
{
    static char block[8000];
    struct ring_cursor c;
    struct chain chain = {0};
    enum ring_stream stream;
    ssize_t n;
    size_t total = 0, got = 0;

    (void)state;
    ring_attach(&r, &c, 0);
    while ((n = feed(RING_STDOUT, block, sizeof block)) > 0)
        total += (size_t)n;
    assert_int_equal(n, RING_FULL);
    assert_in_range(total, 15 * 8000, 16 * SEG_SIZE);
    assert_int_equal(r.held, 16);
    while ((n = ring_next(&c, 3000, UINT64_MAX, &chain, &stream)) > 0)
        got += (size_t)n;
    assert_int_equal(got, total);
    assert_int_equal(r.start, 0); /* it stays as history */
    assert_true(ring_read(&r, out[0], RING_STDOUT, 8000) > 0);
    assert_true(r.start > 0); /* and makes room */
    assert_int_equal(r.held, 16);
    chain_clear(&chain);
    ring_detach(&c);
}

static void without_readers_the_newest_stay(void **state)
{
    char line[32];
    struct ring_cursor c;
    const char *text;

    (void)state;
    for (int i = 0; i < 40000; i++) {
        int n = snprintf(line, sizeof line, "%07d\n", i);

        assert_int_equal(feed(i % 3 ? RING_STDOUT : RING_STDERR, line, (size_t)n), n);
    }
    assert_int_equal(r.head, 40000 * 8);
    assert_true(r.start > 0);
    assert_int_equal(r.held, 16);
    ring_attach(&r, &c, r.head - 24);
    text = drain(&c);
    assert_string_equal(text, "o:0039997\n0039998\ne:0039999\n");
    ring_detach(&c);
    ring_attach(&r, &c, 0); /* what is gone is skipped, and the offset says so */
    assert_int_equal(c.offset, r.start);
    ring_detach(&c);
}

/* What was given out stays as it was, whatever the ring does afterwards. */
static void references_outlive_the_ring(void **state)
{
    struct ring_cursor c;
    struct chain chain = {0};
    enum ring_stream stream;
    char text[16] = "";

    (void)state;
    feed(RING_STDOUT, "precious", 8);
    ring_attach(&r, &c, 0);
    assert_int_equal(ring_next(&c, 100, UINT64_MAX, &chain, &stream), 8);
    feed(RING_STDOUT, "more", 4);
    ring_clear(&r);
    assert_int_equal(pool.in_use, 1);
    chain_peek(&chain, text, 8);
    assert_string_equal(text, "precious");
    chain_clear(&chain);
}

/* n greedy rings settle at total / (n + 1), and a newcomer always finds some. */
static void greedy_rings_share(void **state)
{
    struct ring rings[4];
    struct ring_cursor c[4];
    static char block[8000];

    (void)state;
    for (int i = 0; i < 4; i++) {
        ssize_t n = 1;

        ring_init(&rings[i], &pool, POOL * SEG_SIZE);
        ring_attach(&rings[i], &c[i], 0);
        while (n > 0) {
            if (write(out[1], block, sizeof block) < 0)
                break;
            n = ring_read(&rings[i], out[0], RING_STDOUT, sizeof block);
        }
        while (read(out[0], block, sizeof block) > 0)
            ;
        assert_true(rings[i].held >= 1);
        assert_true(seg_pool_free(&pool) >= 1);
    }
    assert_int_equal(rings[0].held, POOL / 2);
    assert_int_equal(rings[1].held, POOL / 4);
    assert_int_equal(rings[2].held, POOL / 8);
    for (int i = 0; i < 4; i++)
        ring_clear(&rings[i]);
}

static struct ring *donor;

static bool reclaim(struct ring *ring)
{
    (void)ring;
    return ring_drop_history(donor);
}

static void history_of_others_goes_first(void **state)
{
    struct ring other;
    struct seg *held[POOL];
    int n = 0;

    (void)state;
    feed(RING_STDOUT, "history", 7);
    donor = &r;
    while ((held[n] = seg_get(&pool)))
        n++;
    ring_init(&other, &pool, 4 * SEG_SIZE);
    other.reclaim = reclaim;
    assert_int_equal(write(out[1], "new", 3), 3);
    assert_int_equal(ring_read(&other, out[0], RING_STDOUT, 100), 3);
    assert_int_equal(r.held, 0);
    assert_int_equal(r.start, 7);
    ring_clear(&other);
    while (n > 0)
        seg_unref(held[--n]);
}

/* Puts so many segments' worth into the ring; the cursor, unless NULL, reads it at once. */
static void fill(struct ring *ring, struct ring_cursor *c, uint32_t segs)
{
    static char block[SEG_SIZE - 4];
    enum ring_stream stream;
    struct chain chain = {0};

    for (uint32_t i = 0; i < segs; i++) {
        assert_int_equal(write(out[1], block, sizeof block), sizeof block);
        assert_int_equal(ring_read(ring, out[0], RING_STDOUT, sizeof block), sizeof block);
        if (c)
            assert_int_equal(ring_next(c, sizeof block, UINT64_MAX, &chain, &stream), sizeof block);
        chain_clear(&chain);
    }
}

/* What nobody watches may fill half of the pool, what was read an eighth, what is unread more. */
static void history_is_bounded(void **state)
{
    struct ring big;
    struct ring_cursor c;

    (void)state;
    ring_init(&big, &pool, POOL * SEG_SIZE);
    fill(&big, NULL, 2 * POOL);
    assert_int_equal(big.head, 2 * POOL * (SEG_SIZE - 4));
    assert_int_equal(big.held, POOL / UNWATCHED_SHARE);
    ring_clear(&big);

    ring_init(&big, &pool, POOL * SEG_SIZE);
    ring_attach(&big, &c, 0);
    fill(&big, &c, POOL);
    assert_int_equal(big.held, POOL / HISTORY_SHARE);
    fill(&big, NULL, POOL / HISTORY_SHARE);
    assert_in_range(big.held, POOL / HISTORY_SHARE, POOL / HISTORY_SHARE + 1); /* history went for it */
    fill(&big, NULL, POOL / HISTORY_SHARE);
    assert_in_range(big.held, 2 * POOL / HISTORY_SHARE,
                    2 * POOL / HISTORY_SHARE + 1); /* and then there was none */
    ring_clear(&big);
}

/* Then a ring takes from the largest, until it has as much as a frame; from there on it goes round in its own. */
static void the_largest_makes_room(void **state)
{
    const uint32_t share = POOL / HISTORY_SHARE, frame = FRAME_MAX / SEG_SIZE;
    struct ring other;
    struct ring_cursor c;

    (void)state;
    ring_clear(&r);
    ring_init(&r, &pool, POOL * SEG_SIZE);
    fill(&r, NULL, share);
    assert_int_equal(r.held, share);
    donor = &r;
    ring_init(&other, &pool, POOL * SEG_SIZE);
    other.reclaim = reclaim;
    ring_attach(&other, &c, 0);
    fill(&other, &c, 3 * frame);
    assert_int_equal(other.held, frame);
    assert_int_equal(r.held, share - frame);
    assert_int_equal(pool.in_use, share);
    ring_clear(&other);
}

/* What comes fast goes into large segments, once the ring holds as much as one and as long as there is plenty. */
static void what_comes_fast_lies_in_few_pieces(void **state)
{
    static char block[FRAME_MAX];
    struct ring_cursor c;
    struct chain chain = {0};
    enum ring_stream stream;

    (void)state;
    ring_clear(&r);
    ring_init(&r, &pool, POOL * SEG_SIZE);
    ring_attach(&r, &c, 0);
    assert_int_equal(feed(RING_STDOUT, block, SEG_LARGE), SEG_LARGE); /* small at first */
    assert_int_equal(r.held, SEG_UNITS + 1);
    assert_int_equal(seg_units(r.last), 1);
    assert_int_equal(ring_next(&c, SEG_LARGE, UINT64_MAX, &chain, &stream), SEG_LARGE);
    assert_int_equal(feed(RING_STDOUT, block, sizeof block), sizeof block);
    assert_int_equal(seg_units(r.last), SEG_UNITS);
    assert_int_equal(r.held, pool.in_use);
    chain_clear(&chain);
    assert_int_equal(ring_next(&c, FRAME_MAX, UINT64_MAX, &chain, &stream), FRAME_MAX);
    assert_in_range(chain.count, 2, 4);
    chain_clear(&chain);
    while (pool.in_use < POOL / HISTORY_SHARE)
        feed(RING_STDOUT, block, sizeof block);
    feed(RING_STDOUT, block, sizeof block);
    assert_int_equal(seg_units(r.last), 1); /* others may want it */
    ring_detach(&c);
}

/* What was given out lies with its reader until that says that it is out. */
static void what_is_on_its_way_is_not_out(void **state)
{
    struct ring_cursor quick, slow;
    struct chain chain = {0};
    enum ring_stream stream;

    (void)state;
    feed(RING_STDOUT, "abcdef", 6);
    ring_attach(&r, &quick, 0);
    ring_attach(&r, &slow, 0);
    assert_int_equal(ring_next(&quick, 4, UINT64_MAX, &chain, &stream), 4);
    assert_int_equal(ring_next(&slow, 2, UINT64_MAX, &chain, &stream), 2);
    assert_int_equal(ring_foremost(&r), 0);
    assert_int_equal(ring_slowest(&r), 2);
    ring_taken(&slow);
    assert_int_equal(ring_foremost(&r), 2);
    ring_taken(&quick);
    assert_int_equal(ring_foremost(&r), 4);
    chain_clear(&chain);
    ring_detach(&quick);
    ring_detach(&slow);
}

/* Random writes, readers that come and go and read as they like, against a plain array. */
static void model(void **state)
{
    enum { SIZE = 3000000, CURSORS = 5 };
    static uint8_t bytes[SIZE], streams[SIZE];
    struct ring_cursor c[CURSORS];
    size_t head = 0;
    unsigned seed = 12345;

    (void)state;
    fcntl(out[1], F_SETPIPE_SZ, 1 << 20);
    memset(c, 0, sizeof c);
    for (int step = 0; step < 60000; step++) {
        int i = rand_r(&seed) % CURSORS;

        switch (rand_r(&seed) % 8) {
        case 0:
        case 1:
        case 2: {
            static uint8_t block[20000];
            size_t n = 1 + (size_t)rand_r(&seed) % (rand_r(&seed) % 10 ? 200 : sizeof block);
            enum ring_stream stream = (enum ring_stream)(rand_r(&seed) % 2);
            ssize_t got;

            if (head + n > SIZE)
                break;
            for (size_t k = 0; k < n; k++)
                block[k] = (uint8_t)rand_r(&seed);
            assert_int_equal(write(out[1], block, n), n);
            got = ring_read(&r, out[0], stream, n);
            for (ssize_t k = 0; k < got; k++, head++) {
                bytes[head] = block[k];
                streams[head] = (uint8_t)stream;
            }
            while (read(out[0], block, sizeof block) > 0) /* what did not fit is not written in the model */
                ;
            break;
        }
        case 3:
            if (rand_r(&seed) % 20 == 0) {
                ring_detach(&c[i]);
                ring_attach(&r, &c[i], (uint64_t)rand_r(&seed) % (head + 1));
            }
            break;
        default:
            if (c[i].ring) {
                struct chain chain = {0};
                enum ring_stream stream;
                uint64_t at = c[i].offset;
                ssize_t n = ring_next(&c[i], 1 + (size_t)rand_r(&seed) % 9000, UINT64_MAX, &chain, &stream);
                size_t k = 0;

                assert_int_equal(chain.bytes, n);
                assert_true(n > 0 || at == head);
                CHAIN_FOREACH (it, &chain) {
                    for (uint32_t m = 0; m < it->len; m++, k++) {
                        assert_int_equal(it->data[m], bytes[at + k]);
                        assert_int_equal(stream, streams[at + k]);
                    }
                }
                chain_clear(&chain);
            }
        }
        assert_int_equal(r.head, head);
        assert_true(r.held <= r.max);
        assert_int_equal(pool.in_use, r.held);
    }
    assert_true(head > 1000000);
    for (int i = 0; i < CURSORS; i++)
        ring_detach(&c[i]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(neighbours_merge),
        T(every_offset_can_be_attached),
        T(stops_at_an_end),
        T(reads_say_what_happened),
        T(unread_bytes_stay),
        T(without_readers_the_newest_stay),
        T(references_outlive_the_ring),
        T(greedy_rings_share),
        T(history_of_others_goes_first),
        T(history_is_bounded),
        T(the_largest_makes_room),
        T(what_comes_fast_lies_in_few_pieces),
        T(what_is_on_its_way_is_not_out),
        T(model),
    };

    return RUN(tests);
}
