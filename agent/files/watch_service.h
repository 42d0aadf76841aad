/* The watches of filesystem.Filesystem: WatchDir streams what happens; the other three keep it until it is asked for. */
#ifndef FILES_WATCH_SERVICE_H
#define FILES_WATCH_SERVICE_H

#include "core/timerq.h"
#include "guest/fs/watch.h"
#include "rpc/rpc.h"

struct files;
struct polled;

struct watch_service {
    struct files *files;
    struct watches watches;
    struct tickets waiting;      /* calls whose entries a worker reads */
    TAILQ_HEAD(, polled) polled; /* watchers of CreateWatcher */
    struct timerq idle;          /* of those: WATCHER_IDLE_MS without GetWatcherEvents */
};

void watch_service_init(struct watch_service *s, struct files *f);

/* The methods; the context of their service is struct files. */
enum rpc_taken watch_service_dir(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_produced watch_service_produce(struct rpc_call *call, size_t max);
void watch_service_cancel(struct rpc_call *call, enum close_reason why);
enum rpc_taken watch_service_create(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_taken watch_service_events(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_taken watch_service_remove(struct rpc_call *call, const ProtobufCMessage *m);
void watch_service_give_up(struct rpc_call *call, enum close_reason why); /* cancel of create and events */

#endif
