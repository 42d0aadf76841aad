/* A client of HTTP/1.1 whose server is the other end of a socket. */
#ifndef TESTS_UNIT_CTL_CLIENT_WIRE_RIG_H
#define TESTS_UNIT_CTL_CLIENT_WIRE_RIG_H

#include <sys/socket.h>

#include "core/fd.h"
#include "ctl/client/wire.h"

static struct wire w;
static struct err e;
static struct http_fields fields;
static int peer = -1;

static int setup(void **state)
{
    int fd[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        return -1;
    peer = fd[1];
    return wire_open(&w, fd[0], WIRE_HTTP1, "agent", &e);
}

static int teardown(void **state)
{
    (void)state;
    wire_close(&w);
    http_fields_clear(&fields);
    fd_close(&peer);
    return 0;
}

UNUSED static int begin(struct bytes body, bool more)
{
    const struct wire_request r = {
        .method = "POST", .path = "/x", .fields = &fields, .body = body, .more = more};

    return wire_begin(&w, &r, &e);
}

UNUSED static void say(const char *text)
{
    assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

#endif
