/* A client on the rig's socket: it sends the input whole or in pieces, and looks closely at the answers. */
#ifndef TESTS_FUZZ_WIRE_H
#define TESTS_FUZZ_WIRE_H

#include "fuzz.h"
#include "rig.h"

/* Sends the bytes, at once or cut, half-closes, and puts what comes back at `got`. However the conversation
 * went, nothing of it is left afterwards. Returns the number of bytes that came. */
static inline size_t wire_talk(struct rig *r, const void *data, size_t size, struct fuzz_cuts *cuts,
                               char *got, size_t room)
{
    int fd = rig_connect(r);
    size_t len;
    bool ended;

    for (size_t at = 0, n; at < size; at += n) {
        n = cuts ? fuzz_cut(cuts, size - at) : size;
        if (send(fd, (const char *)data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
            break; /* it has closed already */
        rig_turns(r, 1);
    }
    len = rig_recv(r, fd, got, room, &ended);
    if (!ended) {
        shutdown(fd, SHUT_WR);
        len += rig_recv(r, fd, got + len, room - len, &ended);
        CHECK(ended);
    }
    close(fd);
    rig_turns(r, 4);
    CHECK(r->net.count == 0 && r->pool.in_use == 0 && r->in_pool.in_use == 0);
    return len;
}

struct wire_response {
    int status;
    bool last; /* the connection ends with it */
};

/* What follows a text in a head, NULL without it. */
static inline const char *wire_after(struct bytes head, const char *text)
{
    const char *at = memmem(head.ptr, head.len, text, strlen(text));

    return at ? at + strlen(text) : NULL;
}

/* Takes the chunks of a body off *s. */
static inline void wire_chunks(struct bytes *s, FILE *body)
{
    size_t n;

    do {
        const char *line = memmem(s->ptr, s->len, "\r\n", 2);
        char *end;

        CHECK(line && line > s->ptr);
        n = strtoul(s->ptr, &end, 16);
        CHECK(end == line && n <= FRAME_MAX && n + 4 <= s->len - (size_t)(line - s->ptr));
        fwrite(line + 2, 1, n, body);
        while (n == 0 && memcmp(line + 2, "\r\n", 2) != 0) { /* trailers */
            line = memmem(line + 2, s->len - (size_t)(line + 2 - s->ptr), "\r\n", 2);
            CHECK(line && (size_t)(line - s->ptr) + 4 <= s->len);
        }
        CHECK(memcmp(line + 2 + n, "\r\n", 2) == 0);
        s->len -= (size_t)(line - s->ptr) + n + 4;
        s->ptr = line + n + 4;
    } while (n > 0);
}

/* Takes one response off *s, which must be whole, and writes its body to `body`. `head`: it answers HEAD. */
static inline struct wire_response wire_response(struct bytes *s, bool head, FILE *body)
{
    const char *end = memmem(s->ptr, s->len, "\r\n\r\n", 4);
    struct wire_response r = {0};
    const char *length;
    struct bytes fields;
    int used = 0;

    CHECK(end && sscanf(s->ptr, "HTTP/1.1 %3d %n", &r.status, &used) == 1 && used == 13);
    fields = (struct bytes){s->ptr, (size_t)(end - s->ptr) + 2};
    s->len -= fields.len + 2;
    s->ptr += fields.len + 2;
    CHECK(!memchr(fields.ptr, 0, fields.len));
    for (const char *line = wire_after(fields, "\r\n"); line < fields.ptr + fields.len;) {
        const char *eol = memchr(line, '\r', (size_t)(fields.ptr + fields.len - line));
        const char *colon = memmem(line, (size_t)(eol - line), ": ", 2);

        CHECK(eol[1] == '\n' && colon && colon > line && !memchr(line, ' ', (size_t)(colon - line)));
        line = eol + 2;
    }
    r.last = wire_after(fields, "\r\nConnection: close\r\n") != NULL;
    if (head || r.status == 100 || r.status == 204)
        return r;
    length = wire_after(fields, "\r\nContent-Length: ");
    if (length) {
        size_t n = strtoul(length, NULL, 10);

        CHECK(n <= s->len);
        fwrite(s->ptr, 1, n, body);
        *s = (struct bytes){s->ptr + n, s->len - n};
    } else if (wire_after(fields, "\r\nTransfer-Encoding: chunked\r\n")) {
        wire_chunks(s, body);
    } else {
        CHECK(r.last);
        fwrite(s->ptr, 1, s->len, body);
        *s = (struct bytes){s->ptr + s->len, 0};
    }
    return r;
}

#endif
