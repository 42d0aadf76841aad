/* conformance-server: the server under test of connectconformance (tests/conformance/run). It reads what is wanted of it
 * on stdin, listens on a free port, says on stdout which, and serves until SIGTERM. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "connectrpc/conformance/v1/server_compat.pb-c.h"
#include "core/log.h"
#include "service.h"

#define REQUEST_MAX 65536

typedef CONFORMANCE(ServerCompatRequest) Request;
typedef CONFORMANCE(ServerCompatResponse) Response;

static struct server {
    struct loop loop;
    struct seg_pool pool, in_pool;
    struct net net;
    struct http http;
    struct rpc rpc;
    struct rpc_service service;
    struct listener listener;
    ev_signal term;
    ev_timer ending;
} server;

/* Says what is wrong and ends. */
static _Noreturn void die(const char *what)
{
    fprintf(stderr, "conformance-server: %s\n", what);
    exit(1);
}

/* Reads exactly n bytes of stdin. */
static void read_all(uint8_t *out, size_t n)
{
    while (n > 0) {
        ssize_t got = read(STDIN_FILENO, out, n);

        if (got <= 0)
            die("the request on stdin is not whole");
        out += got;
        n -= (size_t)got;
    }
}

static Request *read_request(void)
{
    static uint8_t text[REQUEST_MAX];
    uint32_t len;
    Request *r;

    read_all((uint8_t *)&len, sizeof len);
    len = ntohl(len);
    if (len > sizeof text)
        die("the request on stdin is too long");
    read_all(text, len);
    r = connectrpc__conformance__v1__server_compat_request__unpack(NULL, len, text);
    if (!r || r->use_tls)
        die("the request on stdin is not for us");
    return r;
}

static void write_response(void)
{
    uint8_t text[256];
    Response r = CONNECTRPC__CONFORMANCE__V1__SERVER_COMPAT_RESPONSE__INIT;
    uint32_t len;

    r.host = (char *)(uintptr_t) "127.0.0.1";
    r.port = ntohs(server.listener.address.sa.in.sin_port);
    len = (uint32_t)connectrpc__conformance__v1__server_compat_response__pack(&r, text + sizeof len);
    *(uint32_t *)(void *)text = htonl(len);
    if (write(STDOUT_FILENO, text, sizeof len + len) != (ssize_t)(sizeof len + len))
        die("stdout is closed");
}

static void on_memory(struct seg_pool *pool, void *arg)
{
    (void)arg;
    if (pool == &server.pool)
        http_memory_free(&server.http);
    else
        net_body_memory_free(&server.net);
}

/* Connections have the time that the slowest of them takes to end, one whose peer is not heard any more. */
static void on_ending(struct ev_loop *ev, ev_timer *w, int revents)
{
    static int looks;

    (void)ev;
    (void)revents;
    if (server.net.count == 0 || ++looks == 2 * LINGER_MS / 10)
        loop_stop(&server.loop);
    else
        loop_timer(&server.loop, w, 10);
}

static void on_term(struct ev_loop *ev, ev_signal *w, int revents)
{
    (void)ev;
    (void)w;
    (void)revents;
    net_unlisten(&server.net);
    net_shutdown(&server.net);
    loop_timer(&server.loop, &server.ending, 1);
}

static void open_server(const Request *r)
{
    struct err e;

    if (loop_init(&server.loop) < 0 || seg_pool_init(&server.pool, 32 * MIB) < 0 ||
        seg_pool_init(&server.in_pool, 32 * MIB) < 0)
        die("no memory");
    server.pool.on_free = server.in_pool.on_free = on_memory;
    net_init(&server.net, &server.loop, &server.pool, &server.in_pool, CONNECTIONS_MAX);
    http_init(&server.http, &server.net);
    rpc_init(&server.rpc, &server.http, &server.loop, &server.pool);
    if (r->message_receive_limit > 0)
        server.rpc.message_max = r->message_receive_limit;
    server.service = conformance_service(&server.loop);
    if (rpc_register(&server.rpc, &server.service) < 0 ||
        address_parse("tcp:127.0.0.1:0", &server.listener.address, &e) < 0)
        die("no memory");
    server.listener.protocol = &http_h1;
    server.listener.protocol_arg = &server.http;
    if (net_listen(&server.net, &server.listener, &e) < 0)
        die(e.text);
    ev_signal_init(&server.term, on_term, SIGTERM);
    ev_signal_start(server.loop.ev, &server.term);
    ev_init(&server.ending, on_ending);
}

int main(void)
{
    Request *r = read_request();

    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_WARN, LOG_TEXT, false);
    open_server(r);
    connectrpc__conformance__v1__server_compat_request__free_unpacked(r, NULL);
    write_response();
    loop_run(&server.loop);
    if (server.net.count > 0)
        die("connections are left at the end");
    ev_signal_stop(server.loop.ev, &server.term);
    http_destroy(&server.http);
    loop_destroy(&server.loop);
    if (server.pool.in_use > 0 || server.in_pool.in_use > 0)
        die("segments are left at the end");
    return 0;
}
