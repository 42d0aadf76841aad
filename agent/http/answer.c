#include "http/answer.h"

#include "core/limits.h"

static struct http_answer *answer_of(const llhttp_t *p)
{
    return p->data;
}

static int on_head(llhttp_t *p, const char *s, size_t n)
{
    struct http_answer *a = answer_of(p);

    (void)s;
    a->head += n;
    a->too_long = a->head > HEADER_MAX;
    return a->too_long ? HPE_USER : 0;
}

/* What comes before the answer (100 Continue) is not it. */
static int on_headers_complete(llhttp_t *p)
{
    if (p->status_code >= 200)
        answer_of(p)->status = p->status_code;
    return 0;
}

static int on_body(llhttp_t *p, const char *s, size_t n)
{
    struct http_answer *a = answer_of(p);

    if (n > a->body_max - a->len) {
        a->too_long = true;
        return HPE_USER;
    }
    memcpy(a->body + a->len, s, n);
    a->len += n;
    return 0;
}

static int on_complete(llhttp_t *p)
{
    struct http_answer *a = answer_of(p);

    if (a->status == 0)
        return 0;
    a->complete = true;
    a->reusable = llhttp_should_keep_alive(p);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_status = on_head,
    .on_header_field = on_head,
    .on_header_value = on_head,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

int http_answer_begin(struct http_answer *a, size_t body_max)
{
    http_answer_clear(a);
    llhttp_init(&a->parser, HTTP_RESPONSE, &settings);
    a->parser.data = a;
    a->body_max = body_max;
    a->body = malloc(body_max + 1);
    return a->body ? 0 : -1;
}

static int refuse(const struct http_answer *a, struct err *e)
{
    if (a->too_long)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "the answer is longer than %zu bytes", a->body_max);
    return err_set(e, STATUS_UNAVAILABLE, 0, "the answer is not HTTP: %s",
                   llhttp_get_error_reason(&a->parser));
}

ssize_t http_answer_feed(struct http_answer *a, const char *data, size_t n, struct err *e)
{
    llhttp_errno_t got;

    if (a->complete || n == 0)
        return 0;
    a->begun = true;
    got = llhttp_execute(&a->parser, data, n);
    if (a->complete)
        return llhttp_get_error_pos(&a->parser) - data;
    return got == HPE_OK ? (ssize_t)n : refuse(a, e);
}

int http_answer_end(struct http_answer *a, struct err *e)
{
    if (!a->complete && llhttp_finish(&a->parser) == HPE_OK && a->status != 0)
        a->complete = true;
    if (!a->complete)
        return err_set(e, STATUS_UNAVAILABLE, 0, "the connection ended before the answer");
    a->reusable = false;
    return 0;
}

void http_answer_clear(struct http_answer *a)
{
    free(a->body);
    *a = (struct http_answer){0};
}
