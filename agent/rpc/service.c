#include <stdio.h>

#include "core/limits.h"
#include "rpc/call.h"
#include "rpc/codec/types.h"

/* Services and their methods as routes, and the door that every request for one comes through: the content type says
 * which protocol and codec it speaks. */

/* The first one answers whom we do not understand. */
static const struct rpc_protocol *const protocols[] = {&connect_unary, &connect_stream, &grpc, &grpc_web,
                                                       &grpc_web_text};

static bool carries(const struct rpc_protocol *p, enum rpc_kind kind)
{
    return kind == RPC_UNARY ? p->unary : p->streams;
}

/* Whether the field's value names that media type; parameters ("; charset=utf-8") do not matter. */
static bool type_is(struct bytes value, const char *type)
{
    size_t len = 0;

    if (!type)
        return false;
    while (len < value.len && value.ptr[len] != ';')
        len++;
    while (len > 0 && value.ptr[len - 1] == ' ')
        len--;
    return len > 0 && len == strlen(type) && strncasecmp(value.ptr, type, len) == 0;
}

/* The protocol that the request speaks to a method of that kind, its codec, and the type that its response has; NULL:
 * none of ours. */
static const struct rpc_protocol *protocol_of(const struct http_exchange *x, enum rpc_kind kind,
                                              enum codec *codec, const char **type)
{
    struct bytes value = http_request_field(x, "content-type");

    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        const struct rpc_protocol *p = protocols[i];

        if (!carries(p, kind))
            continue;
        for (int c = CODEC_PROTO; c <= CODEC_JSON; c++) {
            bool is = type_is(value, p->types[c]);

            if (is || (c == CODEC_PROTO && type_is(value, p->shorthand))) {
                *codec = (enum codec)c;
                *type = is ? p->types[c] : p->shorthand;
                return p;
            }
        }
    }
    return NULL;
}

/* 415, with all that the method would take. */
static void unsupported(struct http_exchange *x, enum rpc_kind kind)
{
    char list[512];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        const struct rpc_protocol *p = protocols[i];

        if (carries(p, kind))
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s%s%s, %s", n ? ", " : "",
                                  p->shorthand ? p->shorthand : "", p->shorthand ? ", " : "",
                                  p->types[CODEC_JSON], p->types[CODEC_PROTO]);
    }
    http_add(x, "Accept-Post", list);
    http_reply(x, 415, NULL, (struct bytes){NULL, 0});
}

int rpc_parse_encoding(struct bytes v, bool *gzip, struct err *e)
{
    *gzip = v.ptr && v.len == 4 && strncasecmp(v.ptr, "gzip", 4) == 0;
    if (!v.ptr || v.len == 0 || *gzip || (v.len == 8 && strncasecmp(v.ptr, "identity", 8) == 0))
        return 0;
    return err_set(e, STATUS_UNIMPLEMENTED, 0, "unknown compression \"%.*s\": supported encodings are gzip",
                   (int)MIN(v.len, 64u), v.ptr);
}

bool rpc_accepts_gzip(struct bytes v)
{
    while (v.len > 0) {
        const char *comma = memchr(v.ptr, ',', v.len);
        size_t len = comma ? (size_t)(comma - v.ptr) : v.len;
        struct bytes token = {v.ptr, len};

        v.ptr += MIN(len + 1, v.len);
        v.len -= MIN(len + 1, v.len);
        while (token.len > 0 && *token.ptr == ' ') {
            token.ptr++;
            token.len--;
        }
        if (type_is(token, "gzip")) /* "gzip;q=0" refuses it */
            return !memmem(token.ptr, token.len, "q=0", 3) || memmem(token.ptr, token.len, "q=0.", 4);
    }
    return false;
}

/* What a request says about its call, whatever it says it with. */
struct terms {
    const struct rpc_protocol *protocol;
    enum codec codec;
    const char *type; /* of the response */
    bool gzip;        /* messages are compressed */
    struct chain in;  /* what came of them in the head */
};

/* Makes the call, or answers why there is none. */
static void begin_call(struct http_exchange *x, struct terms *t)
{
    const struct rpc_service *service = x->route.arg;
    const struct rpc_protocol *p = t->protocol;
    struct rpc_call *call;
    uint64_t timeout_ms = 0;
    struct err e;

    if ((p->check && p->check(x, &e) < 0) ||
        p->parse_timeout(http_request_field(x, p->timeout), &timeout_ms, &e) < 0 ||
        !(call = call_new(service->rpc, x, service, x->route.item, p, t->codec, &e))) {
        p->deny(x, t->type, &e);
        return;
    }
    call->type = t->type;
    call->timeout_ms = timeout_ms;
    call->in = t->in;
    t->in = (struct chain){0};
    call->gzip_in = t->gzip;
    /* Who compresses wants less on the wire; who only could read it wants it soon. */
    call->gzip_out = t->gzip && rpc_accepts_gzip(http_request_field(x, p->accept_encoding));
    call_start(call);
}

static void accept_post(struct http_exchange *x)
{
    const struct rpc_method *m = x->route.item;
    struct terms t = {0};
    struct err e;

    t.protocol = protocol_of(x, m->kind, &t.codec, &t.type);
    if (!t.protocol)
        unsupported(x, m->kind);
    else if (rpc_parse_encoding(http_request_field(x, t.protocol->encoding), &t.gzip, &e) < 0)
        t.protocol->deny(x, t.type, &e);
    else
        begin_call(x, &t);
}

static void accept_get(struct http_exchange *x)
{
    struct terms t = {.protocol = &connect_unary};
    struct err e;

    switch (connect_get(x, &t.codec, &t.gzip, &t.in, &e)) {
    case 0:
        unsupported(x, RPC_UNARY);
        break;
    case 1:
        t.type = connect_unary.types[t.codec];
        http_add(x, "Vary", "Accept-Encoding"); /* a cache may keep it */
        begin_call(x, &t);
        break;
    default:
        connect_unary.deny(x, NULL, &e);
    }
    chain_clear(&t.in);
}

/* An error before there is a call: in the form that the content type asks for. */
static void deny(struct http_exchange *x, const struct err *e)
{
    const struct rpc_method *m = x->route.item;
    const char *type = NULL;
    enum codec codec;
    const struct rpc_protocol *p = protocol_of(x, m->kind, &codec, &type);

    if (!p)
        p = protocols[0];
    p->deny(x, type, e);
}

/* The route of a method, by the verb that it is called with. */
static struct http_route route_of(const struct rpc_service *s, const struct rpc_method *m, const char *verb,
                                  void (*begin)(struct http_exchange *x))
{
    return (struct http_route){
        .method = verb,
        .flags = (m->flags & RPC_CONTROL ? HTTP_CONTROL : 0) | (m->flags & RPC_HOST ? HTTP_HOST : 0) |
                 (m->flags & RPC_PUBLIC ? HTTP_PUBLIC : 0),
        .begin = begin,
        .deny = deny,
        .arg = s,
        .item = m,
    };
}

static const struct rpc_method *method_of(const struct rpc_service *s, struct bytes name)
{
    for (size_t i = 0; i < s->count; i++)
        if (bytes_are(name, s->methods[i].name))
            return &s->methods[i];
    return NULL;
}

/* "/<service>/<method>". */
static bool find(const void *arg, const char *verb, struct bytes path, struct http_route *r, char *allowed)
{
    const struct rpc *rpc = arg;

    for (const struct rpc_service *s = rpc->services; s; s = s->next) {
        struct bytes rest = path;
        const struct rpc_method *m;

        if (!bytes_cut(&rest, "/") || !bytes_cut(&rest, s->name) || !bytes_cut(&rest, "/"))
            continue;
        m = method_of(s, rest);
        if (!m)
            return false;
        if (http_route_answers("POST", verb, allowed))
            *r = route_of(s, m, "POST", accept_post);
        else if (m->flags & RPC_IDEMPOTENT && http_route_answers("GET", verb, allowed))
            *r = route_of(s, m, "GET", accept_get);
        else
            return false;
        return true;
    }
    return false;
}

void rpc_init(struct rpc *r, struct http *http, struct loop *loop, struct seg_pool *pool)
{
    *r = (struct rpc){.http = http, .loop = loop, .pool = pool, .message_max = MESSAGE_MAX};
    codec_init();
    r->end = &r->services;
    http->find = find;
    http->find_arg = r;
}

int rpc_register(struct rpc *r, struct rpc_service *service)
{
    for (size_t i = 0; i < service->count; i++)
        if (types_add(service->methods[i].input) < 0 || types_add(service->methods[i].output) < 0)
            return -1;
    service->rpc = r;
    service->next = NULL;
    *r->end = service;
    r->end = &service->next;
    return 0;
}

const struct rpc_service *rpc_next_service(const struct rpc_call *call, const struct rpc_service *after)
{
    return after ? after->next : call->rpc->services;
}
