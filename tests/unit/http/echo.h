/* A handler that answers with the body it was sent, and notes what became of it. */
#ifndef TESTS_UNIT_HTTP_ECHO_H
#define TESTS_UNIT_HTTP_ECHO_H

#include "http/http.h"
#include "test.h"

struct echo {
    struct chain body;
};
static struct echo *echoing; /* the last one */
static int destroyed;
static int cancelled = -1, cancels; /* why the last one was, and how many */

static void echo_body(struct http_exchange *x)
{
    struct echo *e = x->owner;

    assert_int_equal(chain_move(&e->body, &x->in, x->in.bytes), 0);
    http_body_consumed(x);
}

static void echo_end(struct http_exchange *x)
{
    http_reply_chain(x, 200, "text/plain", &((struct echo *)x->owner)->body);
}

static void note_cancel(struct http_exchange *x, enum close_reason why)
{
    (void)x;
    cancels++;
    cancelled = (int)why;
}

static void echo_destroy(struct http_exchange *x)
{
    struct echo *e = x->owner;

    destroyed++;
    chain_clear(&e->body);
    free(e);
}

static void echo(struct http_exchange *x)
{
    static const struct http_events events = {
        .body = echo_body, .body_end = echo_end, .cancel = note_cancel, .destroy = echo_destroy};

    echoing = calloc(1, sizeof *echoing);
    http_own(x, &events, echoing);
}

#endif
