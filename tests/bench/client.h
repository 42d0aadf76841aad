/* What the parts of the bench's client share. */
#ifndef TESTS_BENCH_CLIENT_H
#define TESTS_BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

/* A whole request, or a piece of one. */
struct request {
    char data[1 << 17];
    size_t len;
    char *number; /* eight digits that tell the requests of `many` apart; NULL: none */
};

/* An answer as far as it has come; zeroed before its first byte. */
struct answer {
    char head[1024];
    size_t head_len;
    bool in_body, chunked;
    size_t want; /* the body's size when it is not chunked */
    size_t size; /* of the body so far, framing included */
    char tail[5];
};

/* A connection among others. */
struct connection {
    int fd;
    struct answer answer;
};

/* Where bytes are read to; the next read overwrites them. */
extern char client_buf[1 << 20];

long long now_ns(void);
_Noreturn void die(const char *what);

/* A new connection; -1 when nobody listens there yet. */
int try_dial(const char *path);
/* The same; nobody there ends the client. */
int dial(const char *path);

void load_request(struct request *r, const char *path);
void send_bytes(int fd, const void *data, size_t n);
void send_request(int fd, const struct request *r);
/* As the i-th of many. */
void send_numbered(int fd, struct request *r, unsigned i);

/* Reads what is there, at least a byte, to client_buf. Returns how much. */
size_t read_some(int fd);

/* Takes over bytes of an answer. Returns whether it is complete. */
bool answer_feed(struct answer *a, const char *data, size_t n);

/* Reads one answer. Returns its body's size. */
size_t read_answer(int fd);

/* Opens a stream and waits until its first event is there. */
void open_stream(struct connection *c, const char *path, const struct request *r);

/* client_many.c, client_feed.c, client_files.c, client_h2.c: modes of the client, described in client.c. */
void many(const char *path, const char *file, int count, int n);
void fan(const char *path, const char *start_file, const char *connect_file, const char *go_file, int count);
void feed_calls(const char *path, const char *start, const char *file, int n);
void feed_stream(const char *path, const char *start, const char *head, const char *frame, int n);
void upload(const char *path, const char *head_file, long long size, const char *tail_file);
void h2_unary(const char *path, const char *file, int n);
void h2_streams(const char *path, const char *file, int count, int stalled);

#endif
