/* Calls of the tree's methods, as streams in JSON over HTTP/1.1. */
#ifndef TESTS_UNIT_FILES_TREE_RIG_H
#define TESTS_UNIT_FILES_TREE_RIG_H

#include "files_rig.h"
#include "rpc/envelope.h"

/* Begins a call; tree_send and tree_end follow. */
UNUSED static int tree_call(const char *method)
{
    char head[256];
    int fd = rig_connect(&rig);

    snprintf(head, sizeof head,
             "POST /guest.v1.Files/%s HTTP/1.1\r\nHost: a\r\nContent-Type: application/connect+json\r\n"
             "Transfer-Encoding: chunked\r\n\r\n",
             method);
    rig_send(&rig, fd, head, strlen(head));
    return fd;
}

/* One message; "@" in it is the directory. */
UNUSED static void tree_send(int fd, const char *json)
{
    char body[2048], chunk[2100];
    size_t n = ENVELOPE_SIZE, head;

    for (; *json; json++)
        n += (size_t)(*json == '@' ? snprintf(body + n, sizeof body - n, "%s", dir)
                                   : snprintf(body + n, sizeof body - n, "%c", *json));
    envelope_encode(0, (uint32_t)(n - ENVELOPE_SIZE), (uint8_t *)body);
    head = (size_t)snprintf(chunk, sizeof chunk, "%zx\r\n", n);
    memcpy(chunk + head, body, n);
    memcpy(chunk + head + n, "\r\n", 2);
    rig_send(&rig, fd, chunk, head + n + 2);
}

UNUSED static void tree_end(int fd)
{
    rig_send(&rig, fd, "0\r\n\r\n", 5);
}

/* Whether the text comes within 10 s; NULs between are passed over. */
UNUSED static bool tree_says(int fd, const char *text)
{
    static char got[1 << 16];
    uint64_t end = clock_mono_ms() + 10000;
    size_t n = 0;
    bool found = false;

    while (!found && clock_mono_ms() < end && n < sizeof got - 1) {
        n += rig_recv(&rig, fd, got + n, sizeof got - n, NULL);
        found = memmem(got, n, text, strlen(text));
        usleep(500);
    }
    return found;
}

/* Turns the loop until no tree is under way. */
UNUSED static bool trees_end(void)
{
    uint64_t end = clock_mono_ms() + 10000;

    while (files.trees > 0 && clock_mono_ms() < end) {
        rig_turns(&rig, 1);
        usleep(500);
    }
    return files.trees == 0;
}

#endif
