/* process.Process, envd's process service, and guest.v1.Exec, over guest/exec. */
#ifndef PROCESS_PROCESS_SERVICE_H
#define PROCESS_PROCESS_SERVICE_H

#include "guest/exec/exec.h"
#include "guest/settings.h"
#include "rpc/rpc.h"

struct process_service {
    struct execs *execs;
    struct settings *settings;
    struct rpc_service service, sessions;
};

/* Registers the services; everything given must outlive it. Returns 0, or -1 when out of memory. */
MUST_CHECK int process_service_init(struct process_service *s, struct rpc *rpc, struct execs *execs,
                                    struct settings *settings);

#endif
