/* The client on many connections at once. */
#include "client.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64

static struct connection connections[CONNECTIONS_MAX];
static struct request requests[3];
static int ep;

static void watch(struct connection *c)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) < 0)
        die("epoll_ctl");
}

static void begin(int count)
{
    if (count < 1 || count > CONNECTIONS_MAX)
        die("so many connections");
    ep = epoll_create1(EPOLL_CLOEXEC);
}

/* Waits for bytes. Returns how many of the connections have their whole answer now; they are the first of
 * `done`. */
static int progress(struct connection **done)
{
    struct epoll_event events[CONNECTIONS_MAX];
    int n = epoll_wait(ep, events, CONNECTIONS_MAX, -1), complete = 0;

    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;

        if (answer_feed(&c->answer, client_buf, read_some(c->fd)))
            done[complete++] = c;
    }
    return complete;
}

void many(const char *path, const char *file, int count, int n)
{
    struct connection *done[CONNECTIONS_MAX];
    int sent = 0, came = 0;
    long long start;

    load_request(&requests[0], file);
    begin(count);
    for (int i = 0; i < count; i++) {
        connections[i].fd = dial(path);
        watch(&connections[i]);
    }
    start = now_ns();
    for (; sent < count; sent++)
        send_numbered(connections[sent].fd, &requests[0], (unsigned)sent);
    while (came < sent) {
        int complete = progress(done);

        came += complete;
        for (int i = 0; i < complete && sent < n; i++, sent++) {
            done[i]->answer = (struct answer){0};
            send_numbered(done[i]->fd, &requests[0], (unsigned)sent);
        }
    }
    printf("%lld %d\n", now_ns() - start, came);
}

void fan(const char *path, const char *start_file, const char *connect_file, const char *go_file, int count)
{
    struct connection *done[CONNECTIONS_MAX];
    long long start;
    int open = count;
    size_t least;

    load_request(&requests[0], start_file);
    load_request(&requests[1], connect_file);
    load_request(&requests[2], go_file);
    begin(count);
    for (int i = 0; i < count; i++) {
        open_stream(&connections[i], path, &requests[i > 0]);
        watch(&connections[i]);
    }
    start = now_ns();
    send_request(dial(path), &requests[2]);
    while (open > 0) {
        int complete = progress(done);

        open -= complete;
        for (int i = 0; i < complete; i++)
            close(done[i]->fd);
    }
    start = now_ns() - start;
    least = connections[0].answer.size;
    for (int i = 1; i < count; i++)
        if (connections[i].answer.size < least)
            least = connections[i].answer.size;
    printf("%lld %zu\n", start, least);
}
