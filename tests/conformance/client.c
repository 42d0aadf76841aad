/* conformance-client: the client under test of connectconformance (tests/conformance/run), made of ctl/client/ and nothing
 * else. It reads on stdin which calls to make and writes on stdout what became of each. A few processes do so side by side:
 * the cases spend their time waiting. It is a test's program: out of memory, it aborts. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connectrpc/conformance/v1/client_compat.pb-c.h"
#include "core/clock.h"
#include "core/limits.h"
#include "ctl/client/call.h"

#define WORKERS 8

#define CONFORMANCE(name) Connectrpc__Conformance__V1__##name
#define CASE(name)        CONNECTRPC__CONFORMANCE__V1__##name
#define DESCRIPTOR(name)  connectrpc__conformance__v1__##name##__descriptor

typedef CONFORMANCE(ClientCompatRequest) Request;
typedef CONFORMANCE(ClientCompatRequest__Cancel) Cancel;
typedef CONFORMANCE(ClientCompatResponse) Response;
typedef CONFORMANCE(ClientResponseResult) Result;
typedef CONFORMANCE(ConformancePayload) Payload;
typedef CONFORMANCE(UnaryResponse) Answer; /* every response of the service has a payload and nothing else */
typedef CONFORMANCE(Header) Header;
typedef CONFORMANCE(Error) Error;
typedef Google__Protobuf__Any Any;

/* The case under way. */
static struct {
    struct arena memory; /* for all that follows */
    const Request *request;
    struct wire wire;
    struct call call;
    Result result;
    size_t cap; /* of result.payloads */
} now;

/* Says what is wrong and ends. */
static _Noreturn void die(const char *what)
{
    fprintf(stderr, "conformance-client: %s\n", what);
    abort();
}

static void *alloc(size_t size)
{
    void *p = arena_array(&now.memory, 1, size + 1);

    if (!p)
        die("no memory");
    return p;
}

static void *new_message(const ProtobufCMessageDescriptor *d)
{
    ProtobufCMessage *m = alloc(d->sizeof_message);

    d->message_init(m);
    return m;
}

static char *text(struct bytes s)
{
    char *copy = alloc(s.len);

    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

/* --- what became of it ----------------------------------------------------------------------- */

/* The fields, each name once with all its values. */
static Header **headers(const struct http_fields *f, size_t *count)
{
    Header **list = alloc(f->count * sizeof(Header *));

    for (uint32_t i = 0; i < f->count; i++) {
        char *name = text(http_field_name(f, i));
        size_t at = 0;

        while (at < *count && strcmp(list[at]->name, name) != 0)
            at++;
        if (at == *count) {
            list[(*count)++] = new_message(&DESCRIPTOR(header));
            list[at]->name = name;
            list[at]->value = alloc(f->count * sizeof(char *));
        }
        list[at]->value[list[at]->n_value++] = text(http_field_value(f, i));
    }
    return list;
}

static Any *pack_detail(const struct call_detail *d)
{
    static const char prefix[] = "type.googleapis.com/";
    Any *any = new_message(&google__protobuf__any__descriptor);

    any->type_url = alloc(sizeof prefix + strlen(d->type));
    sprintf(any->type_url, "%s%s", prefix, d->type);
    any->value.data = (uint8_t *)text((struct bytes){(const char *)d->value, d->len});
    any->value.len = d->len;
    return any;
}

static void on_error(const struct answer_error *e)
{
    Error *error = new_message(&DESCRIPTOR(error));

    error->code = (CONFORMANCE(Code))e->err.status;
    error->_message_case = CASE(ERROR___MESSAGE_MESSAGE);
    error->message = text(bytes_of(e->err.text));
    error->details = alloc(now.call.detail_count * sizeof(Any *));
    for (size_t i = 0; i < now.call.detail_count; i++)
        error->details[error->n_details++] = pack_detail(&now.call.details[i]);
    now.result.error = error;
}

/* Keeps the payload of a response. Returns whether it could be read. */
static bool on_message(struct bytes message)
{
    struct answer_error e = {.from_agent = false};
    Answer *answer =
        (Answer *)codec_decode(CODEC_PROTO, &DESCRIPTOR(unary_response), message, &now.memory, &e.err);
    Payload **list;

    if (!answer) {
        on_error(&e);
        return false;
    }
    if (now.result.n_payloads == now.cap) {
        now.cap = 2 * now.cap + 8;
        list = alloc(now.cap * sizeof(Payload *));
        for (size_t i = 0; i < now.result.n_payloads; i++)
            list[i] = now.result.payloads[i];
        now.result.payloads = list;
    }
    now.result.payloads[now.result.n_payloads++] =
        answer->payload ? answer->payload : new_message(&DESCRIPTOR(conformance_payload));
    return true;
}

/* --- the call -------------------------------------------------------------------------------- */

/* Lets so much time pass, in which the call goes on. */
static void pass(uint64_t ms)
{
    uint64_t until = clock_mono_ms() + ms, at;

    while ((at = clock_mono_ms()) < until) {
        struct call *c = &now.call;
        struct pollfd p = wire_poll(&now.wire);
        int left = (int)(until - at), patience = call_patience(c);

        if (c->ended || c->cut || now.wire.complete)
            p.fd = -1;
        poll(&p, 1, patience >= 0 && patience < left ? MAX(patience, 1) : left);
        call_turn(c);
    }
}

static bool streams_requests(const Request *r)
{
    return r->stream_type == CASE(STREAM_TYPE__STREAM_TYPE_CLIENT_STREAM) ||
           r->stream_type == CASE(STREAM_TYPE__STREAM_TYPE_HALF_DUPLEX_BIDI_STREAM) ||
           r->stream_type == CASE(STREAM_TYPE__STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM);
}

static bool streams_responses(const Request *r)
{
    return r->stream_type != CASE(STREAM_TYPE__STREAM_TYPE_UNARY) &&
           r->stream_type != CASE(STREAM_TYPE__STREAM_TYPE_CLIENT_STREAM);
}

/* Takes one response. Returns whether there may be more. */
static bool receive(void)
{
    const Cancel *cancel = now.request->cancel;
    struct answer_error e;
    struct bytes message;
    int got = call_receive(&now.call, &message, &e);

    if (got < 0)
        on_error(&e);
    if (got != 1 || !on_message(message))
        return false;
    if (cancel &&
        cancel->cancel_timing_case ==
            CASE(CLIENT_COMPAT_REQUEST__CANCEL__CANCEL_TIMING_AFTER_NUM_RESPONSES) &&
        now.result.n_payloads == cancel->after_num_responses)
        call_cancel(&now.call);
    return true;
}

static struct bytes value_of(const Any *any)
{
    return (struct bytes){(const char *)any->value.data, any->value.len};
}

/* Sends the requests, in full duplex each with its response. Returns whether there may be more responses. */
static bool send_requests(void)
{
    const Request *r = now.request;
    bool full_duplex = r->stream_type == CASE(STREAM_TYPE__STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM);
    struct err e;

    for (size_t i = 0; i < r->n_request_messages; i++) {
        pass(r->request_delay_ms);
        if (call_send(&now.call, value_of(r->request_messages[i]), &e) < 0) {
            now.result.num_unsent_requests = (int32_t)(r->n_request_messages - i);
            return true; /* why, the responses tell */
        }
        if (full_duplex && !receive()) {
            now.result.num_unsent_requests = (int32_t)(r->n_request_messages - i - 1);
            return false;
        }
    }
    return true;
}

static void receive_one(void)
{
    struct answer_error e;
    struct bytes message;

    if (call_one(&now.call, &message, &e) < 0)
        on_error(&e);
    else
        on_message(message);
}

static void run_call(void)
{
    const Request *r = now.request;
    const Cancel *cancel = r->cancel;
    bool go_on = !streams_requests(r) || send_requests();

    if (cancel &&
        cancel->cancel_timing_case == CASE(CLIENT_COMPAT_REQUEST__CANCEL__CANCEL_TIMING_BEFORE_CLOSE_SEND))
        call_cancel(&now.call);
    call_end(&now.call);
    if (cancel && cancel->cancel_timing_case ==
                      CASE(CLIENT_COMPAT_REQUEST__CANCEL__CANCEL_TIMING_AFTER_CLOSE_SEND_MS)) {
        pass(cancel->after_close_send_ms);
        call_cancel(&now.call);
    }
    if (!go_on)
        return;
    if (!streams_responses(r))
        receive_one();
    else
        while (receive())
            ;
}

static int dial(const Request *r)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)r->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (inet_pton(AF_INET, r->host, &to.sin_addr) != 1 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("the server cannot be reached");
    return fd;
}

static void add_fields(const Request *r, struct http_fields *f)
{
    for (size_t i = 0; i < r->n_request_headers; i++)
        for (size_t k = 0; k < r->request_headers[i]->n_value; k++)
            if (http_fields_add(f, r->request_headers[i]->name, bytes_of(r->request_headers[i]->value[k])) <
                0)
                die("a header is too large");
}

/* What cannot be asked of us. */
static const char *strange(const Request *r)
{
    if (r->protocol != CASE(PROTOCOL__PROTOCOL_CONNECT) && r->protocol != CASE(PROTOCOL__PROTOCOL_GRPC))
        return "neither Connect nor gRPC";
    if (r->codec != CASE(CODEC__CODEC_PROTO) || r->use_get_http_method || r->server_tls_cert.len > 0 ||
        r->raw_request)
        return "not configured";
    return !streams_requests(r) && r->n_request_messages != 1 ? "not one request" : NULL;
}

static void run_case(const Request *r)
{
    struct http_fields fields = {0};
    CLEANUP_FREE char *method = NULL;
    struct call_spec spec = {
        .protocol = r->protocol == CASE(PROTOCOL__PROTOCOL_GRPC) ? CALL_GRPC : CALL_CONNECT,
        .unary = r->stream_type == CASE(STREAM_TYPE__STREAM_TYPE_UNARY),
        .gzip = r->compression == CASE(COMPRESSION__COMPRESSION_GZIP),
        .message_max = r->message_receive_limit,
        .timeout_ms = r->_timeout_ms_case ? MAX(r->timeout_ms, 1u) : 0,
        .keeps_time = true,
        .fields = &fields,
    };
    struct bytes only = r->n_request_messages ? value_of(r->request_messages[0]) : (struct bytes){"", 0};
    struct err e;

    connectrpc__conformance__v1__client_response_result__init(&now.result);
    now.cap = 0;
    now.request = r;
    if (asprintf(&method, "%s/%s", r->service, r->method) < 0)
        die("no memory");
    spec.method = method;
    add_fields(r, &fields);
    if (wire_open(&now.wire, dial(r),
                  r->http_version == CASE(HTTPVERSION__HTTP_VERSION_2) ? WIRE_HTTP2 : WIRE_HTTP1, "server",
                  &e) < 0 ||
        call_begin(&now.call, &now.wire, &spec, streams_requests(r) ? NULL : &only, &e) < 0)
        die(e.text);
    run_call();
    now.result.response_headers = headers(&now.wire.head, &now.result.n_response_headers);
    now.result.response_trailers = headers(&now.call.trailers, &now.result.n_response_trailers);
    call_close(&now.call);
    wire_close(&now.wire);
    http_fields_clear(&fields);
}

/* --- stdin and stdout ------------------------------------------------------------------------ */

static int turnstile; /* a file whose bytes are locks: byte 0 for stdin, byte 1 for stdout */

static void lock(int byte, bool locked)
{
    struct flock l = {.l_type = locked ? F_WRLCK : F_UNLCK, .l_start = byte, .l_len = 1};

    if (fcntl(turnstile, F_SETLKW, &l) < 0)
        die("no lock");
}

/* Reads n bytes of stdin. Returns false at its end. */
static bool read_all(void *out, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(STDIN_FILENO, (char *)out + at, n - at);

        if (got == 0 && at == 0)
            return false;
        if (got <= 0)
            die("the request on stdin is not whole");
        at += (size_t)got;
    }
    return true;
}

/* The next request, in `now.memory`; NULL at the end of stdin. */
static const Request *next_request(void)
{
    const Request *r = NULL;
    struct bytes bytes;
    struct err e;
    uint32_t len;

    lock(0, true);
    if (read_all(&len, sizeof len)) {
        len = ntohl(len);
        bytes = (struct bytes){alloc(len), len};
        if (len > 0 && !read_all((char *)(uintptr_t)bytes.ptr, len))
            die("the request on stdin is not whole");
        r = (const Request *)codec_decode(CODEC_PROTO, &DESCRIPTOR(client_compat_request), bytes, &now.memory,
                                          &e);
        if (!r)
            die(e.text);
    }
    lock(0, false);
    return r;
}

static void write_response(const Response *response)
{
    size_t len = protobuf_c_message_get_packed_size(&response->base);
    uint8_t *bytes = alloc(sizeof(uint32_t) + len);
    uint32_t head = htonl((uint32_t)len);

    memcpy(bytes, &head, sizeof head);
    protobuf_c_message_pack(&response->base, bytes + sizeof head);
    lock(1, true);
    for (size_t at = 0; at < sizeof head + len;) {
        ssize_t n = write(STDOUT_FILENO, bytes + at, sizeof head + len - at);

        if (n <= 0)
            die("stdout is closed");
        at += (size_t)n;
    }
    lock(1, false);
}

static void work(void)
{
    const Request *r;

    now.memory.max = 2 * (size_t)DECODE_MAX;
    while ((r = next_request())) {
        Response response = CONNECTRPC__CONFORMANCE__V1__CLIENT_COMPAT_RESPONSE__INIT;
        CONFORMANCE(ClientErrorResult) error = CONNECTRPC__CONFORMANCE__V1__CLIENT_ERROR_RESULT__INIT;
        const char *why = strange(r);

        response.test_name = r->test_name;
        if (why) {
            response.result_case = CASE(CLIENT_COMPAT_RESPONSE__RESULT_ERROR);
            response.error = &error;
            error.message = (char *)(uintptr_t)why;
        } else {
            run_case(r);
            response.result_case = CASE(CLIENT_COMPAT_RESPONSE__RESULT_RESPONSE);
            response.response = &now.result;
        }
        write_response(&response);
        arena_clear(&now.memory);
    }
}

int main(void)
{
    int status, failed = 0;

    signal(SIGPIPE, SIG_IGN);
    codec_init();
    turnstile = memfd_create("turnstile", MFD_CLOEXEC);
    for (int i = 0; i < WORKERS; i++) {
        pid_t pid = fork();

        if (pid < 0)
            die("no process");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work();
            return 0;
        }
    }
    while (wait(&status) > 0)
        failed |= status != 0;
    return failed;
}
