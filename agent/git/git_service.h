/* guest.v1.Git, over guest/git. */
#ifndef GIT_GIT_SERVICE_H
#define GIT_GIT_SERVICE_H

#include "guest/git/op.h"
#include "rpc/rpc.h"

#define GIT_METHODS_MAX 32

struct git_service {
    struct git git;
    struct rpc_service service;
    struct rpc_method methods[GIT_METHODS_MAX];
};

/* Registers the service; everything given must outlive it. Returns 0, or -1 when out of memory. */
MUST_CHECK int git_service_init(struct git_service *s, struct rpc *rpc, struct execs *execs,
                                struct jobs *workers, struct settings *settings);

struct git_verb;

/* The verb whose requests are such messages. Never NULL for a registered one. */
const struct git_verb *git_service_verb(const ProtobufCMessageDescriptor *input);

#endif
