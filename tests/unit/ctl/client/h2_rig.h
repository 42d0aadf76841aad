/* A client of HTTP/2, and a server made of nghttp2. */
#ifndef TESTS_UNIT_CTL_CLIENT_H2_RIG_H
#define TESTS_UNIT_CTL_CLIENT_H2_RIG_H

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/fd.h"
#include "ctl/client/call.h"

static struct wire w;
static struct call c;
static struct answer_error e;

/* The server: it notes what it gets, and answers as it is told when a request is complete. */
static struct {
    int fd;
    nghttp2_session *session;
    char request[8192]; /* fields and body, "name: value\n" each */
    size_t body;        /* bytes of the requests */
    uint32_t reset;     /* the code of the client's last RST_STREAM, + 1 */
    int32_t stream;     /* of the last request */
    bool complete;      /* it is */
    /* the answer */
    const char *status, *type, *bytes; /* of its body */
    size_t len, at;
    const char *trailer[6]; /* name, value, ...; NULL: none */
    bool only_head;         /* the trailer stands in the head */
    int32_t reset_with;     /* after the body; -1: not at all */
} server;

static nghttp2_nv nv(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NONE};
}

static size_t put_trailer(nghttp2_nv *list)
{
    size_t n = 0;

    while (n < 3 && server.trailer[2 * n]) {
        list[n] = nv(server.trailer[2 * n], server.trailer[2 * n + 1]);
        n++;
    }
    return n;
}

static ssize_t read_answer(nghttp2_session *s, int32_t stream, uint8_t *out, size_t max, uint32_t *flags,
                           nghttp2_data_source *source, void *arg)
{
    size_t n = MIN(max, server.len - server.at);
    nghttp2_nv list[3];
    size_t count = server.only_head ? 0 : put_trailer(list);

    (void)source;
    (void)arg;
    memcpy(out, server.bytes + server.at, n);
    server.at += n;
    if (server.at < server.len)
        return (ssize_t)n;
    if (server.reset_with >= 0) {
        nghttp2_submit_rst_stream(s, 0, stream, (uint32_t)server.reset_with);
        if (n == 0)
            return NGHTTP2_ERR_DEFERRED;
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM | NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)n;
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (count > 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(s, stream, list, count);
    }
    return (ssize_t)n;
}

static void answer(int32_t stream)
{
    nghttp2_data_provider body = {.read_callback = read_answer};
    nghttp2_nv list[5] = {nv(":status", server.status), nv("content-type", server.type)};
    size_t n = 2;

    server.at = 0;
    if (server.only_head)
        n += put_trailer(list + n);
    assert_int_equal(nghttp2_submit_response(server.session, stream, list, n,
                                             server.only_head && server.len == 0 ? NULL : &body),
                     0);
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    size_t len = strlen(server.request);

    (void)s;
    (void)frame;
    (void)flags;
    (void)arg;
    snprintf(server.request + len, sizeof server.request - len, "%.*s: %.*s\n", (int)name_len, name,
             (int)value_len, value);
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *data, size_t n,
                   void *arg)
{
    (void)s;
    (void)flags;
    (void)stream;
    (void)data;
    (void)arg;
    server.body += n;
    return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
    (void)s;
    (void)arg;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        server.reset = frame->rst_stream.error_code + 1;
    if (frame->hd.type == NGHTTP2_HEADERS) {
        server.stream = frame->hd.stream_id;
        server.complete = false;
    }
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        server.complete = true;
        if (server.status)
            answer(frame->hd.stream_id);
    }
    return 0;
}

/* Moves all that there is between the two, until both are quiet. */
static void serve(void)
{
    static uint8_t block[1 << 16];
    const uint8_t *out;
    ssize_t n;

    while ((n = recv(server.fd, block, sizeof block, MSG_DONTWAIT)) > 0)
        assert_true(nghttp2_session_mem_recv(server.session, block, (size_t)n) == n);
    while ((n = nghttp2_session_mem_send(server.session, &out)) > 0)
        for (ssize_t at = 0, sent; at < n; at += sent) {
            sent = send(server.fd, out + at, (size_t)(n - at), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0) {
                sent = 0;
                call_turn(&c);
            }
        }
}

static int setup(void **state)
{
    nghttp2_session_callbacks *callbacks;
    int fd[2], size = 1 << 20;

    (void)state;
    codec_init();
    memset(&server, 0, sizeof server);
    server.reset_with = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        return -1;
    setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    server.fd = fd[1];
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_server_new(&server.session, callbacks, NULL);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(server.session, 0, NULL, 0);
    return wire_open(&w, fd[0], WIRE_HTTP2, "agent", &e.err);
}

static int teardown(void **state)
{
    (void)state;
    call_close(&c);
    wire_close(&w);
    nghttp2_session_del(server.session);
    fd_close(&server.fd);
    return 0;
}

static const struct call_spec grpc = {.protocol = CALL_GRPC, .method = "x.Y/Z"};

#define BYTES(s) s, sizeof(s) - 1

static void grpc_answers(const char *bytes, size_t len, const char *status)
{
    server.status = "200";
    server.type = "application/grpc";
    server.bytes = bytes;
    server.len = len;
    server.trailer[0] = "grpc-status";
    server.trailer[1] = status;
}

/* Runs the call to its end. Returns that; messages in *all. */
static int run(const struct call_spec *s, char all[256])
{
    const struct bytes only = {"abc", 3};
    struct bytes message;
    int got;

    call_close(&c);
    *all = 0;
    assert_int_equal(call_begin(&c, &w, s, &only, &e.err), 0);
    for (;;) {
        while ((got = call_next(&c, &message, &e)) == 1) {
            strncat(all, message.ptr, message.len);
            strcat(all, ";");
        }
        if (got != 0)
            return got;
        serve();
        call_turn(&c);
    }
}

#endif
