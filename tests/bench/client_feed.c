/* The client as the one who writes: a process's input, until the process has read all of it and ended. */
#include "client.h"

#include <stdio.h>

static struct connection process;
static struct request opening, head, piece;

static void wait_for_end(void)
{
    while (!answer_feed(&process.answer, client_buf, read_some(process.fd)))
        ;
}

void feed_calls(const char *path, const char *start_file, const char *file, int n)
{
    long long start;
    int fd;

    load_request(&opening, start_file);
    load_request(&piece, file);
    open_stream(&process, path, &opening);
    fd = dial(path);
    start = now_ns();
    while (n-- > 0) {
        send_request(fd, &piece);
        read_answer(fd);
    }
    wait_for_end();
    printf("%lld\n", now_ns() - start);
}

void feed_stream(const char *path, const char *start_file, const char *head_file, const char *frame_file,
                 int n)
{
    static const struct request last = {.data = "0\r\n\r\n", .len = 5};
    long long start;
    int fd;

    load_request(&opening, start_file);
    load_request(&head, head_file);
    load_request(&piece, frame_file);
    open_stream(&process, path, &opening);
    fd = dial(path);
    start = now_ns();
    send_request(fd, &head);
    while (n-- > 0)
        send_request(fd, &piece);
    send_request(fd, &last);
    read_answer(fd);
    wait_for_end();
    printf("%lld\n", now_ns() - start);
}
