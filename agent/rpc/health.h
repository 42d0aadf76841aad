/* grpc.health.v1: whether the agent and its services serve.
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
#ifndef RPC_HEALTH_H
#define RPC_HEALTH_H

#include "core/base.h"

struct rpc;

/* Registers it. Returns 0, or -1 when out of memory. */
MUST_CHECK int health_register(struct rpc *r);

#endif
