#include "core/seg.h"

#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static int excess, freed;

static void on_excess(struct seg_pool *p, void *arg)
{
    (void)p;
    (void)arg;
    excess++;
}

static void on_free(struct seg_pool *p, void *arg)
{
    (void)p;
    (void)arg;
    freed++;
}

/* Pages of a range that the kernel backs. */
static unsigned backed(void *start, size_t bytes)
{
    static unsigned char vec[4096];
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (bytes + page - 1) / page;
    unsigned n = 0;

    assert_true(pages <= sizeof vec);
    assert_int_equal(mincore(start, bytes, vec), 0);
    for (size_t i = 0; i < pages; i++)
        n += vec[i] & 1;
    return n;
}

static unsigned resident(const struct seg_pool *p)
{
    return backed(p->base, (size_t)p->total * SEG_SIZE);
}

static void exhausts_and_recovers(void **state)
{
    struct seg_pool p;
    struct seg *s[4];

    (void)state;
    assert_int_equal(seg_pool_init(&p, 4 * SEG_SIZE), 0);
    p.on_free = on_free;
    for (int i = 0; i < 4; i++) {
        s[i] = seg_get(&p);
        assert_non_null(s[i]);
        assert_int_equal(s[i]->cap, SEG_SIZE);
        memset(s[i]->data, i, SEG_SIZE);
    }
    assert_null(seg_get(&p));
    assert_int_equal(seg_pool_free(&p), 0);
    seg_pool_want(&p);
    freed = 0;
    seg_unref(s[2]);
    seg_unref(s[1]);
    assert_int_equal(freed, 1); /* one shot */
    assert_int_equal(s[0]->data[100], 0);
    assert_int_equal(s[3]->data[SEG_SIZE - 1], 3);
    assert_ptr_equal(seg_get(&p), s[1]); /* the warmest first */
    seg_unref(s[0]);
    seg_unref(s[1]);
    seg_unref(s[3]);
    assert_int_equal(seg_pool_free(&p), 4);
    seg_pool_destroy(&p);
}

static void keeps_while_referenced(void **state)
{
    struct seg_pool p;
    struct seg *s;

    (void)state;
    assert_int_equal(seg_pool_init(&p, SEG_SIZE), 0);
    s = seg_get(&p);
    seg_ref(s);
    seg_unref(s);
    assert_null(seg_get(&p));
    seg_unref(s);
    s = seg_get(&p);
    assert_non_null(s);
    seg_unref(s);
    seg_pool_destroy(&p);
}

static void gives_back_to_the_kernel(void **state)
{
    enum { N = 128 };
    struct seg_pool p;
    struct seg *s[N];
    unsigned warm_pages = SEG_WARM_BYTES / (unsigned)sysconf(_SC_PAGESIZE);

    (void)state;
    assert_int_equal(seg_pool_init(&p, N * SEG_SIZE), 0);
    assert_int_equal(resident(&p), 0);
    p.on_excess = on_excess;
    excess = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            s[i] = seg_get(&p);
            assert_non_null(s[i]);
            assert_int_equal(s[i]->used, 0);
            memset(s[i]->data, 1, SEG_SIZE);
        }
        assert_null(seg_get(&p));
        for (int i = 0; i < N; i++)
            seg_unref(s[(i * 37) % N]);
        assert_true(excess > 0);
        seg_pool_trim(&p, SEG_WARM_BYTES);
        assert_int_equal(resident(&p), warm_pages);
        assert_int_equal(p.warm, SEG_WARM_BYTES / SEG_SIZE);
    }
    seg_pool_trim(&p, 0);
    assert_int_equal(resident(&p), 0);
    assert_int_equal(p.warm, 0);
    assert_int_equal(p.top, 0); /* as if it had never been used */
    seg_pool_destroy(&p);
}

/* What is in use stays, and what is taken after a trim fills the holes below it, lowest first. */
static void a_trim_leaves_what_is_used(void **state)
{
    enum { N = 200 };
    struct seg_pool p;
    struct seg *s[N], *t;

    (void)state;
    assert_int_equal(seg_pool_init(&p, N * SEG_SIZE), 0);
    for (int i = 0; i < N; i++) {
        s[i] = seg_get(&p);
        memset(s[i]->data, i, SEG_SIZE);
    }
    for (int i = 0; i < N; i++)
        if (i != 3 && i != 100)
            seg_unref(s[i]);
    for (size_t keep = SEG_SIZE; keep <= SEG_SIZE; keep -= SEG_SIZE) { /* one, then none */
        seg_pool_trim(&p, keep);
        assert_int_equal(p.in_use, 2);
        assert_int_equal(p.top, 101);
        assert_int_equal(p.warm, keep / SEG_SIZE);
    }
    assert_int_equal(s[3]->data[SEG_SIZE - 1], 3);
    assert_int_equal(s[100]->data[0], 100);
    for (int i = 0; i < N - 2; i++) {
        t = seg_get(&p);
        assert_ptr_equal(t, s[i < 3 ? i : i < 99 ? i + 1 : i + 2]);
        assert_int_equal(t->data[0], 0);
        t->data[0] = 1;
    }
    assert_null(seg_get(&p));
    for (int i = 0; i < N; i++)
        seg_unref(s[i]);
    seg_pool_destroy(&p);
}

static void heap(void **state)
{
    struct seg *s = seg_heap(10);

    (void)state;
    assert_int_equal(s->cap, 10);
    memset(s->data, 7, 10);
    seg_ref(s);
    seg_unref(s);
    assert_int_equal(s->data[9], 7);
    seg_unref(s);
}

/* One that stays, even the last, does not keep the headers of all before it; and these are found again. */
static void headers_go_too(void **state)
{
    enum { N = 1024 };
    static struct seg *s[N];
    struct seg_pool p;

    (void)state;
    assert_int_equal(seg_pool_init(&p, N * SEG_SIZE), 0);
    for (int i = 0; i < N; i++)
        assert_non_null(s[i] = seg_get(&p));
    for (int i = 0; i < N - 1; i++)
        seg_unref(s[i]);
    seg_pool_trim(&p, 0);
    assert_int_equal(p.top, N);
    assert_in_range(backed(p.segs, N * sizeof *p.segs), 1, 2);
    for (int i = 0; i < N - 1; i++)
        assert_ptr_equal(seg_get(&p), s[i]);
    assert_null(seg_get(&p));
    for (int i = 0; i < N; i++)
        seg_unref(s[i]);
    seg_pool_destroy(&p);
}

/* A large segment is neighbours: whole while there are whole ones, and small ones when those are wanted. */
static void large_ones_are_neighbours(void **state)
{
    enum { N = 2 * SEG_UNITS + 1 };
    struct seg_pool p;
    struct seg *a, *b, *s[SEG_UNITS + 1];

    (void)state;
    assert_int_equal(seg_pool_init(&p, N * SEG_SIZE), 0);
    a = seg_get_large(&p);
    b = seg_get_large(&p);
    assert_int_equal(a->cap, SEG_LARGE);
    assert_int_equal(p.in_use, 2 * SEG_UNITS);
    memset(a->data, 'a', SEG_LARGE);
    memset(b->data, 'b', SEG_LARGE);
    assert_null(seg_get_large(&p)); /* one unit is left */
    seg_unref(a);
    assert_int_equal(p.warm, SEG_UNITS);
    assert_ptr_equal(seg_get_large(&p), a);
    seg_unref(a);
    for (uint32_t i = 0; i <= SEG_UNITS; i++) {
        s[i] = seg_get(&p);
        assert_non_null(s[i]);
        assert_int_equal(s[i]->cap, SEG_SIZE);
        memset(s[i]->data, (int)i, SEG_SIZE);
    }
    assert_null(seg_get(&p));
    assert_null(seg_get_large(&p));
    for (uint32_t i = 0; i < SEG_LARGE; i++)
        assert_int_equal(b->data[i], 'b');
    for (uint32_t i = 0; i <= SEG_UNITS; i++)
        seg_unref(s[i]);
    assert_null(seg_get_large(&p)); /* nobody has looked for neighbours yet */
    seg_pool_trim(&p, N * SEG_SIZE);
    assert_int_equal(p.warm, SEG_UNITS + 1);
    assert_int_equal(p.in_use, SEG_UNITS);
    a = seg_get_large(&p);
    assert_non_null(a);
    assert_int_equal(a->cap, SEG_LARGE);
    memset(a->data, 'a', SEG_LARGE);
    for (uint32_t i = 0; i < SEG_LARGE; i++)
        assert_int_equal(b->data[i], 'b');
    seg_unref(a);
    seg_unref(b);
    seg_pool_trim(&p, 0);
    assert_int_equal(resident(&p), 0);
    assert_int_equal(p.top, 0);
    seg_pool_destroy(&p);
}

/* Each has its own, to the last byte and header. */
static void two_lie_side_by_side(void **state)
{
    struct seg_pool a, b;
    struct seg *s, *t;

    (void)state;
    assert_int_equal(seg_pool_init_two(&a, 3 * SEG_SIZE, &b, SEG_SIZE), 0);
    assert_int_equal(a.total, 3);
    assert_int_equal(b.total, 1);
    t = seg_get(&b);
    memset(t->data, 'b', SEG_SIZE);
    for (int i = 0; i < 3; i++) {
        s = seg_get(&a);
        assert_non_null(s);
        memset(s->data, 'a', SEG_SIZE);
        seg_unref(s);
        seg_pool_trim(&a, 0);
    }
    assert_int_equal(resident(&a), 0);
    for (size_t i = 0; i < SEG_SIZE; i++)
        assert_int_equal(t->data[i], 'b');
    assert_null(seg_get(&b));
    seg_unref(t);
    seg_pool_destroy(&a);
    assert_ptr_equal(seg_get(&b), t); /* the other one stays */
    seg_unref(t);
    seg_pool_destroy(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exhausts_and_recovers),
        cmocka_unit_test(keeps_while_referenced),
        cmocka_unit_test(gives_back_to_the_kernel),
        cmocka_unit_test(a_trim_leaves_what_is_used),
        cmocka_unit_test(heap),
        cmocka_unit_test(headers_go_too),
        cmocka_unit_test(large_ones_are_neighbours),
        cmocka_unit_test(two_lie_side_by_side),
    };

    return RUN(tests);
}
