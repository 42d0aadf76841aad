/* The body of a download: a file's bytes, or parts of them, as the client takes them.
 *
 * Bytes that the kernel has in memory are read on the loop's thread into the frame that is sent next, and nothing is kept. Where it
 * has not, or cannot tell, a worker reads a block, and the next one while the first is sent. A FIFO or a device is read when it says
 * that there is something.
 *
 * The most of a large file does not pass through our memory at all where the wire takes a pipe (x->takes_pipe): workers fill one
 * while the other is sent. The last DOWNLOAD_BLOCK is read: a file that has become shorter is so noticed before its end is sent.
 *
 * States: (nothing) -> download_body_begin -> reading and sending -> gone. Who owns: the exchange; the descriptor goes with a
 * read that is under way, and comes back with it or is closed. Events: the exchange's `produce`, a job's end, the readiness of
 * what is waited for. */
#ifndef FILES_DOWNLOAD_BODY_H
#define FILES_DOWNLOAD_BODY_H

#include "files/files.h"
#include "guest/fs/pipe.h"
#include "http/gzip.h"
#include "http/range.h"

/* What is sent of the file. */
struct download_plan {
    const char *type;    /* of the file; static */
    uint64_t size;       /* of the file, if it has one */
    struct range *parts; /* in their order; owned by the body, on the heap; NULL: all of the file */
    unsigned count;
    char boundary[RANGE_BOUNDARY]; /* of several parts */
};

struct download_body {
    struct files *files;
    struct http_exchange *x;
    ticket ticket; /* in files->waiting */
    uint64_t lane; /* of the jobs on its file */
    struct fs_reader reader;
    struct download_plan plan;
    unsigned part;            /* of the plan: the present one; at the end count */
    uint64_t offset, left;    /* of it: where the next read begins, how many bytes are to be read */
    bool piping;              /* it has pipes */
    bool no_pipe;             /* the file system cannot fill one */
    struct fs_pipe sending;   /* what the wire empties */
    struct fs_pipe filled;    /* what follows it, or a worker's while it reads */
    struct chain ready;       /* read and not yet sent */
    struct gzip_stream *gzip; /* NULL: sent as it is */
    struct chain packing;     /* what it works on */
    ev_io readable;           /* of what has to be waited for */
    bool waited;              /* of a FIFO: somebody has written */
    bool reading;             /* a worker has the descriptor, and where it pipes the pipe */
    bool ahead;               /* workers are needed: have one read before the bytes are wanted */
    bool never;               /* the file system cannot say what is in memory */
    bool broken;              /* the rest cannot be read: what was sent must not look whole */
};

/* An empty one for the exchange. Returns 0, or -1 when out of memory. */
MUST_CHECK int download_body_init(struct download_body *b, struct files *f, struct http_exchange *x);

/* Takes the reader's descriptor, the plan's list, and the stream that compresses (or NULL). `first` was read already, from the
 * start of a file that is read in order; it moves. */
void download_body_begin(struct download_body *b, struct fs_reader *reader, const struct download_plan *plan,
                         struct gzip_stream *gzip, struct chain *first);

/* As the exchange's produce. */
enum http_produced download_body_produce(struct download_body *b, struct chain *out, size_t max);

/* Appends what the plan says of a file whose bytes are all here. Returns 0 or -1 without memory. */
MUST_CHECK int download_body_whole(const struct download_plan *plan, const char *bytes, struct chain *out);

/* Nobody waits for it any more. */
void download_body_destroy(struct download_body *b);

#endif
