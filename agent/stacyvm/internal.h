/* What the files of this folder share: a connection's state, and what a method is. */
#ifndef STACYVM_INTERNAL_H
#define STACYVM_INTERNAL_H

#include "core/writer.h"
#include "net/conn.h"
#include "stacyvm/content.h"
#include "stacyvm/request.h"
#include "stacyvm/stacyvm.h"

/* A connection. It answers one request after the other.
 *
 *   HEADER     reads the length of the next frame
 *   BODY       reads the frame: the request is understood, and a content written, as it comes. Its end -> ANSWERING
 *   ANSWERING  a method works, or its answer is on its way; of what comes no more is read than a frame's header. All is out -> HEADER
 *
 * Who owns: the connection; what a worker has carries its ticket. */
struct dialog {
    struct stacyvm *service;
    struct conn *conn;
    ticket ticket;
    enum dialog_state { DIALOG_HEADER, DIALOG_BODY, DIALOG_ANSWERING } state;
    uint8_t header[4];
    size_t header_len;
    uint32_t left; /* bytes of the frame that are to come */
    struct request request;
    bool complete;               /* the request is */
    struct content *content;     /* of a write_file; NULL: none */
    bool content_bad;            /* it is no base64 */
    bool denied;                 /* the caller may not call: nothing is written */
    const struct method *method; /* ANSWERING; NULL: the answer is on its way */
    void *call;                  /* the method's own */
    bool ended;                  /* the peer sends no more */
    bool closing;                /* after this answer */
};

struct method {
    const char *name;
    unsigned fields; /* of the request that must be right, a bit each */
    /* The request is complete: begins to work, or answers. */
    void (*begin)(struct dialog *d);
    /* The out-queue is empty: appends the next piece of an answer, if there is one. NULL: the answer is one piece. */
    void (*produce)(struct dialog *d);
    /* The answer is complete, or the connection has gone: frees d->call. NULL: there is nothing to free. */
    void (*drop)(struct dialog *d);
    /* The agent ends, and will not wait: answers at once. NULL: it is soon over. */
    void (*stop)(struct dialog *d);
};

extern const struct method stacyvm_ping;
extern const struct method stacyvm_shutdown;
extern const struct method stacyvm_write_file;
extern const struct method stacyvm_exec;
extern const struct method stacyvm_exec_stream;
extern const struct method stacyvm_read_file;
extern const struct method stacyvm_list_files;
extern const struct method stacyvm_stat_file;
extern const struct method stacyvm_glob_files;
extern const struct method stacyvm_delete_file;
extern const struct method stacyvm_move_file;
extern const struct method stacyvm_chmod_file;

/* The path as the workers take it, on the heap: an absolute one stays, others begin at "/", which is the working directory of an init.
 * NULL when out of memory. */
char *dialog_path(const char *path);

/* --- answers --------------------------------------------------------------------------------- */

/* The method is through: d->call is dropped. Exactly once for each request, last. */
void dialog_done(struct dialog *d);

/* Answers with the result, which is JSON (the chain is emptied), and is done. */
void dialog_result(struct dialog *d, struct chain *result);

/* Answers with {"ok":true}, or with the error's text, and is done. */
void dialog_ok(struct dialog *d);
void dialog_error(struct dialog *d, const char *text);

/* Begins an envelope: {"id":"..." */
void dialog_open(const struct dialog *d, struct writer *w);

/* Sends the body as one frame. Returns 0, or -1: no memory, and the connection is dead. */
int dialog_send(struct dialog *d, struct chain *body);

/* Sends the header of a frame of that length, and its beginning; the rest is the method's to append. Returns as dialog_send. */
int dialog_head(struct dialog *d, uint32_t length, struct chain *beginning);

/* The chain and its writer failed: the connection ends, for an answer that is lost would be waited for. */
void dialog_fail(struct dialog *d);

#endif
