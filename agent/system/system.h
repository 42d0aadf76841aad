/* The agent itself, as hosts ask about it: /health, /init, /envs, /metrics, /freeze and its like, and guest.v1.Agent. */
#ifndef SYSTEM_SYSTEM_H
#define SYSTEM_SYSTEM_H

#include "core/jobs.h"
#include "core/writer.h"
#include "guest/boot.h"
#include "guest/exec/exec.h"
#include "guest/freezer.h"
#include "guest/settings.h"
#include "rpc/rpc.h"
#include "system/identity.h"
#include "system/init_work.h"

struct system {
    struct settings *settings;
    struct execs *execs;
    struct freezer *freezer;
    struct jobs *workers;
    struct boot *boot;
    struct http *http;
    enum compat compat;
    struct rpc_service service;
    struct identity identity;
    struct init_work init_work;
    struct timespec started_at;
    struct tickets waiting;       /* exchanges that wait for a worker */
    uint64_t cpu_busy, cpu_total; /* of /proc/stat at the last /metrics */
};

/* Registers the routes and the service; settings, execs and the others must outlive it. Returns 0, or -1 when out of memory. */
MUST_CHECK int system_init(struct system *s, struct rpc *rpc, struct settings *settings, struct execs *execs,
                           struct freezer *freezer, struct jobs *workers, struct boot *boot,
                           enum compat compat);

/* "e2b" or "wrenn". */
const char *compat_name(enum compat c);

/* Frees what the service holds. For tests. */
void system_destroy(struct system *s);

/* --- between the files of this folder -------------------------------------------------------- */

/* Answers 200 with the JSON that was written, which nobody may keep; 500 when memory ran out. */
void system_reply(struct http_exchange *x, struct writer *w);

void health_begin(struct http_exchange *x);
void envs_begin(struct http_exchange *x);
void init_begin(struct http_exchange *x);
void metrics_begin(struct http_exchange *x);
void freeze_begin(struct http_exchange *x);
void unfreeze_begin(struct http_exchange *x);
void fsfreeze_begin(struct http_exchange *x);
void fsthaw_begin(struct http_exchange *x);
void collapse_begin(struct http_exchange *x);
enum rpc_taken agent_get_boot(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_taken agent_get_info(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_taken agent_get_log(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_taken agent_list_connections(struct rpc_call *call, const ProtobufCMessage *m);

#endif
