/* A stream of a process's events, joined to our standard streams: what the process writes goes to ours, what we get goes
 * to it, and so do signals and the size of our terminal. Two connections: one carries what the process says, the other
 * (feed.h) what we say to it; neither may wait for the other.
 *
 * The caller fills in what it wants, zeroes the rest, and calls session_run once.
 *
 * Offsets: with EventOptions.offsets in the request, `offset` is that of the next byte. A session that resumes connects
 * again when the connection breaks, at that offset, and gives up after RESUME_MS without an answer. */
#ifndef CTL_SESSION_H
#define CTL_SESSION_H

#include "ctl/feed.h"
#include "ctl/keys.h"
#include "process/process.pb-c.h"

#define RESUME_MS 10000

struct session {
    const struct ctl *ctl;

    /* --- what is wanted --- */
    bool feeds;      /* our standard input is the process's; with `terminal` ours becomes raw */
    bool terminal;   /* the process has a terminal */
    bool prints_pid; /* print its pid when it has started, and leave */
    bool owns;       /* asked to end, ask the process first; else leave at once */
    bool resumes;    /* connect again when the connection breaks; the request asks for offsets */
    bool retriable; /* the request, with an idempotency key, may be sent again when its answer did not come */
    bool timed;     /* the time-out is ours: CTL_TIMEOUT */
    bool shows_record;  /* print the exit record to stderr at the end */
    bool leaves_early;  /* leave when the program has ended; the request asks for `exited` and offsets */
    bool shows_offsets; /* say before each piece of output where it lies; the request asks for offsets */
    bool has_from;      /* say so when the output does not begin at `from` */
    bool has_stop;      /* leave at the offset `stop` */
    uint64_t from, stop;
    struct keys keys; /* typed, these leave the process to itself */
    int refused;      /* exit code when the agent refuses */

    /* --- what is --- */
    struct client out;
    struct feed feed;
    const char *method; /* the first request's */
    const struct client_options *options;
    const ProtobufCMessage *request;
    const Process__EventOptions *events; /* of each request */
    uint32_t pid;                        /* 0: not started */
    uint64_t id, offset;
    bool input_open;     /* our standard input is read */
    bool end_input;      /* and has ended: tell the process */
    bool detaching;      /* the keys were typed: leave when all before them is sent */
    bool resize;         /* our terminal has another size */
    int forward;         /* signal to be sent, or 0 */
    int signals;         /* how often we were asked to end */
    int signal_fd;       /* -1: none */
    uint64_t give_up_ms; /* the connection broke: try until then; 0: it is there */
    struct err lost;     /* and how */
    struct chain record; /* the exit record as JSON */
    bool ended;          /* the process has, or `stop` is reached */
    bool over;           /* leave, with `code` */
    int code;
};

/* Sends the request (a StartRequest or ConnectRequest for `method`, whose EventOptions are `events`) and stays until the
 * end. Returns the exit code; what went wrong has been said. */
int session_run(struct session *s, const char *method, const struct client_options *options,
                const ProtobufCMessage *request, const Process__EventOptions *events);

#endif
