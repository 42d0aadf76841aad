#include "http/query.h"
#include "service.h"

void *conversation_alloc(struct conversation *c, size_t size)
{
    void *p = arena_array(&c->memory, 1, size);

    if (!p)
        abort();
    return p;
}

/* An empty message that lives as long as the conversation. */
static void *new_message(struct conversation *c, const ProtobufCMessageDescriptor *d)
{
    ProtobufCMessage *m = conversation_alloc(c, d->sizeof_message);

    d->message_init(m);
    return m;
}

Any *answer_pack(struct conversation *c, const ProtobufCMessage *m)
{
    static const char prefix[] = "type.googleapis.com/";
    Any *any = new_message(c, &google__protobuf__any__descriptor);
    size_t name = strlen(m->descriptor->name) + 1;

    any->type_url = conversation_alloc(c, sizeof prefix - 1 + name);
    memcpy(any->type_url, prefix, sizeof prefix - 1);
    memcpy(any->type_url + sizeof prefix - 1, m->descriptor->name, name);
    any->value.len = protobuf_c_message_get_packed_size(m);
    any->value.data = conversation_alloc(c, any->value.len + 1);
    protobuf_c_message_pack(m, any->value.data);
    return any;
}

/* --- what was seen of the request ------------------------------------------------------------- */

/* Names with their values, in order of the names' first appearance. */
struct pairs {
    Header **list;
    size_t count, cap;
};

static char *text(struct conversation *c, struct bytes s)
{
    char *copy = arena_string(&c->memory, s);

    if (!copy)
        abort();
    return copy;
}

static void add_pair(struct conversation *c, struct pairs *p, const char *name, char *value)
{
    Header *h = NULL;
    char **values;

    for (size_t i = 0; i < p->count && !h; i++)
        if (strcmp(p->list[i]->name, name) == 0)
            h = p->list[i];
    if (!h) {
        h = new_message(c, &connectrpc__conformance__v1__header__descriptor);
        h->name = text(c, bytes_of(name));
        p->list[p->count++] = h;
    }
    values = conversation_alloc(c, (h->n_value + 1) * sizeof *values);
    for (size_t i = 0; i < h->n_value; i++)
        values[i] = h->value[i];
    values[h->n_value++] = value;
    h->value = values;
}

static struct pairs request_headers(struct conversation *c)
{
    const struct http_fields *fields = rpc_headers(c->call);
    struct pairs p = {conversation_alloc(c, (fields->count + 1) * sizeof(Header *)), 0, fields->count};

    for (uint32_t i = 0; i < fields->count; i++)
        add_pair(c, &p, text(c, http_field_name(fields, i)), text(c, http_field_value(fields, i)));
    return p;
}

/* A part of the query, decoded. */
static char *unescaped(struct conversation *c, struct bytes part)
{
    char *out = conversation_alloc(c, part.len + 1);

    if (query_unescape(part, out) < 0)
        return text(c, part);
    return out;
}

static GetInfo *get_info(struct conversation *c)
{
    struct bytes query = rpc_query(c->call), rest = query, name, value;
    struct pairs p = {0};
    GetInfo *info;

    if (query.len == 0)
        return NULL;
    info = new_message(c, &connectrpc__conformance__v1__conformance_payload__connect_get_info__descriptor);
    while (query_next(&rest, &name, &value))
        p.cap++;
    p.list = conversation_alloc(c, (p.cap + 1) * sizeof(Header *));
    for (rest = query; query_next(&rest, &name, &value);)
        add_pair(c, &p, unescaped(c, name), unescaped(c, value));
    info->query_params = p.list;
    info->n_query_params = p.count;
    return info;
}

/* The first answer tells all, the others only which requests they answer. */
static RequestInfo *request_info(struct conversation *c)
{
    RequestInfo *info =
        new_message(c, &connectrpc__conformance__v1__conformance_payload__request_info__descriptor);

    info->requests = c->requests;
    info->n_requests = c->count;
    if (c->sent == 0) {
        struct pairs headers = request_headers(c);
        uint64_t timeout_ms = rpc_timeout_ms(c->call);

        info->request_headers = headers.list;
        info->n_request_headers = headers.count;
        info->connect_get_info = get_info(c);
        if (timeout_ms > 0) {
            info->_timeout_ms_case = CASE(CONFORMANCE_PAYLOAD__REQUEST_INFO___TIMEOUT_MS_TIMEOUT_MS);
            info->timeout_ms = (int64_t)timeout_ms;
        }
    }
    return info;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void add_all(struct conversation *c, Header **list, size_t n,
                    void (*add)(struct rpc_call *call, const char *name, struct bytes value))
{
    for (size_t i = 0; i < n; i++) {
        char *name = text(c, bytes_of(list[i]->name));

        for (char *p = name; *p; p++)
            if (*p >= 'A' && *p <= 'Z')
                *p |= 0x20;
        for (size_t k = 0; k < list[i]->n_value; k++)
            add(c->call, name, bytes_of(list[i]->value[k]));
    }
}

void answer_metadata(struct conversation *c, Header **headers, size_t n_headers, Header **trailers,
                     size_t n_trailers)
{
    add_all(c, headers, n_headers, rpc_add_header);
    add_all(c, trailers, n_trailers, rpc_add_trailer);
}

/* Every response of the service is a message with a payload and nothing else. */
typedef CONFORMANCE(UnaryResponse) Response;

const ProtobufCMessage *answer_message(struct conversation *c, ProtobufCBinaryData data)
{
    Response *response = new_message(c, c->output);
    Payload *payload = new_message(c, &connectrpc__conformance__v1__conformance_payload__descriptor);

    payload->data = data;
    if (c->sent == 0 || c->waiting)
        payload->request_info = request_info(c);
    response->payload = payload;
    return &response->base;
}

void answer_error(struct conversation *c, const Error *error)
{
    struct err e;

    for (size_t i = 0; i < error->n_details; i++) {
        const Any *any = error->details[i];
        const char *slash = strrchr(any->type_url, '/');

        rpc_add_detail_packed(c->call, slash ? slash + 1 : any->type_url,
                              (struct bytes){(const char *)any->value.data, any->value.len});
    }
    if (c->sent == 0)
        rpc_add_detail(c->call, &request_info(c)->base);
    err_set(&e, (enum status)error->code, 0, "%s",
            error->_message_case == CASE(ERROR___MESSAGE_MESSAGE) ? error->message : "");
    rpc_finish(c->call, &e);
}
