#include "http/h2_internal.h"

#define BYTES_FOR_A_FRAME 64 /* of a body, pay for one frame without use */

/* --- memory ---------------------------------------------------------------------------------- */

/* In front of each block: its size. */
union head {
    size_t size;
    max_align_t align;
};

static void *resize(void *old, size_t size, void *arg)
{
    struct h2 *h = arg;
    union head *was = old ? (union head *)old - 1 : NULL, *head;
    size_t had = was ? was->size : 0;

    if (size > H2_MEMORY_MAX || h->memory - had + size > H2_MEMORY_MAX)
        return NULL;
    head = realloc(was, sizeof *head + size);
    if (!head)
        return NULL;
    h->memory += size - had;
    head->size = size;
    return head + 1;
}

static void *allocate(size_t size, void *arg)
{
    return resize(NULL, size, arg);
}

static void *allocate_zeroed(size_t n, size_t size, void *arg)
{
    void *p = n > 0 && size > H2_MEMORY_MAX / n ? NULL : resize(NULL, n * size, arg);

    if (p)
        memset(p, 0, n * size);
    return p;
}

static void release(void *p, void *arg)
{
    struct h2 *h = arg;
    union head *head = p;

    if (!p)
        return;
    head--;
    h->memory -= head->size;
    free(head);
}

void h2_guard_memory(struct h2 *h)
{
    h->mem = (nghttp2_mem){h, allocate, release, allocate_zeroed, resize};
}

nghttp2_option *h2_guard_options(void)
{
    nghttp2_option *o;

    if (nghttp2_option_new(&o) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_recv_client_magic(o, 1); /* h1 has read it */
    nghttp2_option_set_max_outbound_ack(o, H2_IDLE_FRAMES_MAX);
    nghttp2_option_set_max_continuations(o, H2_CONTINUATIONS_MAX);
    nghttp2_option_set_max_deflate_dynamic_table_size(o, H2_HEADER_TABLE);
    nghttp2_option_set_stream_reset_rate_limit(o, UINT32_MAX, UINT32_MAX); /* h2_guard_reset counts them */
    return o;
}

/* --- order ----------------------------------------------------------------------------------- */

/* nghttp2 ignores headers on any id below the highest, for it cannot tell a stream that it has forgotten from one that
 * never was. These bits can. */
void h2_guard_order(struct h2 *h, int32_t id)
{
    uint32_t n = (uint32_t)id / 2, last = (uint32_t)h->last_id / 2;
    uint64_t bit = 1ull << n % 64;
    uint64_t *word = &h->had[n % H2_IDS / 64];

    if (id % 2 == 0) /* nghttp2 says what that is */
        return;
    if (h->last_id == 0 || n > last) {
        if (h->last_id == 0 || n - last >= H2_IDS)
            memset(h->had, 0, sizeof h->had);
        else
            for (uint32_t i = last + 1; i < n; i++)
                h->had[i % H2_IDS / 64] &= ~(1ull << i % 64);
        h->last_id = id;
        *word |= bit;
    } else if (last - n < H2_IDS && !(*word & bit)) {
        h->verdict = NGHTTP2_PROTOCOL_ERROR;
    }
}

/* --- floods ---------------------------------------------------------------------------------- */

static void spend(struct h2 *h, struct h2_bucket *b, unsigned max, unsigned per_s)
{
    ev_tstamp now = ev_now(h->conn->net->loop->ev);

    b->spent = MAX(b->spent - (now - b->at) * per_s, 0.) + 1;
    b->at = now;
    if (b->spent > max)
        h->verdict = NGHTTP2_ENHANCE_YOUR_CALM;
}

static void idle_frame(struct h2 *h)
{
    spend(h, &h->idle_frames, H2_IDLE_FRAMES_MAX, H2_IDLE_FRAMES_PER_S);
}

/* Bytes of a body are what a connection is for: who moves them may adjust windows and measure round trips. A client that gives
 * back each frame's bytes at once, however few, cuts its windows ever smaller; it is silly, but it goes on. */
static void of_use(struct h2 *h, size_t bytes)
{
    h->idle_frames.spent = MAX(h->idle_frames.spent - (double)bytes / BYTES_FOR_A_FRAME, 0.);
}

void h2_guard_frame(struct h2 *h, const nghttp2_frame_hd *hd)
{
    switch (hd->type) {
    case NGHTTP2_DATA: /* empty: CVE-2019-9518 */
        if (hd->length > 0)
            of_use(h, hd->length);
        else if (!(hd->flags & NGHTTP2_FLAG_END_STREAM))
            idle_frame(h);
        break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
        if (hd->length == 0) /* CVE-2019-9518 again */
            idle_frame(h);
        break;
    case NGHTTP2_RST_STREAM: /* rapid reset: CVE-2023-44487; of streams that are gone too: CVE-2019-9514 */
        h2_guard_reset(h);
        break;
    case NGHTTP2_WINDOW_UPDATE: /* judged by what it opens */
        break;
    default: /* PING, SETTINGS, PRIORITY: CVE-2019-9512, 9515, 9513 */
        idle_frame(h);
    }
}

void h2_guard_window_update(struct h2 *h, int32_t increment)
{
    if (increment < H2_STEP_MIN)
        idle_frame(h);
}

/* A piece that a tiny window cuts into tiny frames is the data dribble of CVE-2019-9511. */
void h2_guard_sent_data(struct h2 *h, size_t len, bool cut)
{
    if (cut && len < H2_STEP_MIN)
        idle_frame(h);
    else if (len > 0)
        of_use(h, len);
}

void h2_guard_reset(struct h2 *h)
{
    spend(h, &h->resets, H2_RESETS_MAX, H2_RESETS_PER_S);
}
