/* The log's way to the host: each line by a POST of its own, as envd's hosts take them, in order, over one kept connection.
 *
 * States
 *   OFF      nobody wants the lines
 *   WAITING  from the start: the host has not told its collector yet; lines queue up
 *   ON       lines are sent as they come. A failure (also status 408, 429 or above 499): the line stays, and is sent again after
 *            LOGS_AGAIN_MS, twice that, and so on; after LOGS_ATTEMPTS_MAX in a row it waits for the next line. A collector that
 *            answers anything else has taken the line
 *
 * Bounds: LOGS_QUEUE_MAX; beyond it the oldest lines go, and the collector is told how many. A line may arrive twice when the
 * connection breaks behind it. Nothing happens, and no timer runs, while there is no line. Who frees: log_export_destroy. */
#ifndef SYSTEM_LOG_EXPORT_H
#define SYSTEM_LOG_EXPORT_H

#include "core/log.h"
#include "http/client.h"
#include "http/url.h"
#include "system/mmds_data.h"

struct log_export_line;

enum log_export_state { LOG_EXPORT_OFF, LOG_EXPORT_WAITING, LOG_EXPORT_ON };

struct log_export {
    enum log_export_state state;
    struct http_client client;
    struct http_url url;
    char instance_id[MMDS_WORD_MAX], template_id[MMDS_WORD_MAX];
    STAILQ_HEAD(, log_export_line) lines;
    size_t bytes;                  /* of them */
    uint64_t dropped;              /* and not told yet */
    struct log_export_line *going; /* the line of the request under way, or NULL */
    uint64_t telling;              /* or so many of `dropped` */
    unsigned failures;             /* in a row */
    ev_timer again;
};

/* OFF. */
void log_export_init(struct log_export *x, struct loop *loop);

/* OFF -> WAITING. */
void log_export_wait(struct log_export *x);

/* -> ON, as the host says; without a collector, or with one that cannot be called, OFF. */
void log_export_to(struct log_export *x, const struct mmds_data *m);

/* -> OFF; what waits is forgotten. */
void log_export_off(struct log_export *x);

void log_export_destroy(struct log_export *x);

#endif
