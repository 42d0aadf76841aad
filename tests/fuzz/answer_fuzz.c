#include "http/answer.h"

#include "fuzz.h"

enum { BODY_MAX = 64 };

/* Feeds the input in pieces, then the connection's end. Returns whether it is an answer. */
static bool feed(struct http_answer *a, const char *data, size_t size, struct fuzz_cuts *cuts)
{
    struct err e = {0};
    size_t at = 0;

    CHECK(http_answer_begin(a, BODY_MAX) == 0);
    while (at < size && !a->complete) {
        size_t piece = cuts ? fuzz_cut(cuts, size - at) : size - at;
        CLEANUP_FREE char *copy = fuzz_copy(data + at, piece);
        ssize_t n = http_answer_feed(a, copy, piece, &e);

        if (n < 0) {
            CHECK(*e.text);
            return false;
        }
        CHECK((size_t)n <= piece && (a->complete || (size_t)n == piece));
        at += (size_t)n;
    }
    return a->complete || http_answer_end(a, &e) == 0;
}

/* Whole or in pieces, it is the same answer, within its bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    struct http_answer whole = {0}, pieces = {0};
    bool is_one = feed(&whole, (const char *)data, size, NULL);

    CHECK(feed(&pieces, (const char *)data, size, &cuts) == is_one);
    if (is_one) {
        CHECK(whole.status >= 200 && whole.len <= BODY_MAX);
        CHECK(whole.status == pieces.status && whole.reusable == pieces.reusable);
        CHECK(whole.len == pieces.len && memcmp(whole.body, pieces.body, whole.len) == 0);
    }
    http_answer_clear(&whole);
    http_answer_clear(&pieces);
    return 0;
}
