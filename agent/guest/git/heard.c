#include "guest/git/heard.h"

static int feed(struct git_sink *s, struct bytes data, struct err *e)
{
    return git_tail_add(&CONTAINER_OF(s, struct git_heard, out)->text, data, e);
}

struct git_sink *git_heard_begin(struct git_heard *h)
{
    git_tail_clear(&h->text);
    h->out.feed = feed;
    return &h->out;
}
