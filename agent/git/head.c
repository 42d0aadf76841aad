#include "git/head.h"

#include "git/plain.h"

int git_head_ask(struct git_call *c, struct err *e)
{
    git_call_again(c);
    return git_plain_words(c, "rev-parse HEAD^{commit} --symbolic-full-name HEAD", e);
}

/* The object's name on one line, and on the next the branch's, or "HEAD". */
int git_head_take(struct git_call *c, struct git_head *h, struct err *e)
{
    struct bytes text = git_plain_heard(c), branch = {0};
    const char *end = text.len > 0 ? memchr(text.ptr, '\n', text.len) : NULL;

    if (c->op->run.end.code != 0 || !end)
        text.len = 0;
    if (text.len > 0) {
        branch = (struct bytes){end + 1, text.len - (size_t)(end + 1 - text.ptr)};
        text.len = (size_t)(end - text.ptr);
    }
    if (!bytes_cut(&branch, "refs/heads/"))
        branch.len = 0;
    h->commit = git_call_string(c, text, e);
    h->branch = h->commit ? git_call_string(c, branch, e) : NULL;
    return h->branch ? 0 : -1;
}
