/* The client as the one who uploads a large file. */
#include "client.h"

#include <stdio.h>
#include <string.h>

static struct request head, tail;

void upload(const char *path, const char *head_file, long long size, const char *tail_file)
{
    long long start;
    int fd = dial(path);

    load_request(&head, head_file);
    if (tail_file)
        load_request(&tail, tail_file);
    memset(client_buf, 'x', sizeof client_buf);
    start = now_ns();
    send_request(fd, &head);
    while (size > 0) {
        size_t n = size < (long long)sizeof client_buf ? (size_t)size : sizeof client_buf;

        send_bytes(fd, client_buf, n);
        size -= (long long)n;
    }
    if (tail_file)
        send_request(fd, &tail);
    read_answer(fd);
    printf("%lld\n", now_ns() - start);
}
