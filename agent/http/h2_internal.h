/* What the files of HTTP/2 share and nobody else sees.
 *
 *   h2.c         the connection: reading, what is sent when, the ends
 *   h2_stream.c  a stream: its life, and the request from frames to an exchange
 *   h2_answer.c  the response: what the exchange wants, and its bytes on their way into frames
 *   h2_guard.c   what bounds a hostile peer: memory, resets, frames without use
 *
 * nghttp2 keeps the protocol's state. It works when bytes came (h2_readable), when the connection takes more
 * (h2_writable) and at the connection's ends. The functions of an exchange only note what they want (h2_answer_note);
 * it is done when they are back, so no stream ends under a callback. */
#ifndef HTTP_H2_INTERNAL_H
#define HTTP_H2_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "http/h2.h"

/* Who has spent more than its due: `spent` falls with time. */
struct h2_bucket {
    double spent;
    ev_tstamp at;
};

#define H2_OUT_MAX ((size_t)TURN_BYTES / 4) /* frames are made until so much waits for the socket */
#define H2_IDS     1024                     /* the latest stream ids that are remembered; a power of two */

/* Which time-out the connection has. */
enum h2_pace { H2_IDLE, H2_HEADER, H2_ACTIVE };

struct h2_stream;
TAILQ_HEAD(h2_streams, h2_stream);

struct h2 {
    struct conn *conn;
    struct http *http;
    nghttp2_session *session;
    nghttp2_mem mem;
    size_t memory;             /* that the session has */
    struct h2_streams streams; /* all */
    struct h2_streams noted;   /* whose exchange wants something */
    struct h2_streams fed;     /* whose request went on in the bytes under way */
    uint32_t count;            /* of all */
    struct seg *reading;       /* where the bytes under way lie; NULL: in scratch */
    struct h2_bucket resets, idle_frames;
    enum h2_pace pace;
    int32_t in_header;         /* stream whose header is under way; 0: none */
    int32_t last_id;           /* the highest that had a header */
    uint64_t had[H2_IDS / 64]; /* which of the H2_IDS ids up to last_id had one: a ring of bits */
    uint32_t verdict;          /* the peer's offence, which ends the connection: an error code; 0: none */
    struct timerq linger;      /* streams whose response is out and whose request is not complete */
    bool unsure;               /* the bytes under way are also for a handler that is not known yet */
    bool bulk;                 /* bodies come faster than they are read in small pieces */
    bool draining;             /* no new streams; the end when there are none */
    bool last_word;            /* of those, the final GOAWAY is queued */
};

struct h2_stream {
    TAILQ_ENTRY(h2_stream) link, noted_link, fed_link;
    struct h2 *h;
    struct http_exchange *x; /* NULL: it is over, its response is in piece */
    int32_t id;

    /* the request */
    char method[16];
    char *path;        /* until it begins; owned */
    size_t path_len;   /* of path */
    size_t list_bytes; /* its header so far, as RFC 9113 section 6.5.2 counts */
    int reject;        /* status to refuse it with */
    bool authority;    /* is given: it stands for "host" */
    bool begun;        /* x went through http_begin */
    bool complete;     /* the peer has ended it */
    size_t received;   /* of the body */
    size_t credited;   /* of that, given back to the peer's window */

    /* the response */
    struct chain piece; /* of the body, on its way into frames */
    bool responding;    /* the header is queued */
    bool deferred;      /* nghttp2 waits for h2_answer_note */
    bool all;           /* nothing comes behind piece */
    struct timerq_entry lingering;
    size_t surplus; /* of the body, came behind the response's end */

    /* wishes */
    bool noted, fed;
    bool invite; /* 100 Continue */
    bool break_off;
    bool enough; /* the rest of the request is not waited for */
    bool peer_reset;
};

/* NULL: it has ended for us. */
static inline struct h2_stream *h2_find(struct h2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

/* --- h2_stream.c ----------------------------------------------------------------------------- */

/* nghttp2's callbacks about streams; user_data is the struct h2. */
void h2_stream_callbacks(nghttp2_session_callbacks *c);

/* Tells the exchanges what arrived for them. */
void h2_stream_deliver(struct h2 *h);

/* h->linger's callback. */
void h2_stream_lingered(struct timerq *q, struct timerq_entry *e);

/* Frees the stream and its exchange; one that has not had its response is cancelled first. */
void h2_stream_free(struct h2_stream *s, enum close_reason why);

/* --- h2_answer.c ----------------------------------------------------------------------------- */

/* nghttp2's callbacks about bodies of responses. */
void h2_answer_callbacks(nghttp2_session_callbacks *c);

/* What a stream's exchange sees of it. */
extern const struct http_wire h2_answer_wire;

/* The stream, or its exchange, wants something: h2_answer_wishes comes before the turn ends. */
void h2_answer_note(struct h2_stream *s);

/* Does what all of them want. Returns 0, or -1: the session is out of memory. */
MUST_CHECK int h2_answer_wishes(struct h2 *h);

/* The exchange is over on both sides; what is left of its response belongs to the stream. */
void h2_answer_over(struct h2_stream *s);

/* --- h2_guard.c ------------------------------------------------------------------------------ */

/* The session's allocator, bounded by H2_MEMORY_MAX. */
void h2_guard_memory(struct h2 *h);

/* nghttp2's options that bound a peer; NULL when out of memory. The caller frees them. */
nghttp2_option *h2_guard_options(void);

/* Headers that come for a stream: RFC 9113 section 5.1.1 wants new ids in order. */
void h2_guard_order(struct h2 *h, int32_t id);

/* Frames by which a peer could make work for us and none for itself. In the end they set h->verdict. */
void h2_guard_frame(struct h2 *h, const nghttp2_frame_hd *hd);
void h2_guard_window_update(struct h2 *h, int32_t increment);
void h2_guard_sent_data(struct h2 *h, size_t len, bool cut);
void h2_guard_reset(struct h2 *h);

#endif
