/* grpc.reflection.v1 and v1alpha: which services there are, and the descriptors of their files, so that a client needs no
 * copy of the protos. https://github.com/grpc/grpc/blob/master/doc/server-reflection.md */
#ifndef RPC_REFLECTION_H
#define RPC_REFLECTION_H

#include "core/base.h"

struct rpc;

/* A proto file, as the build describes it. */
struct described_file {
    const char *name;     /* "process/process.proto" */
    struct bytes bytes;   /* its serialized google.protobuf.FileDescriptorProto */
    struct bytes symbols; /* full names of what it defines, each between two NULs */
};

extern const struct described_file described_files[];
extern const size_t described_files_count;

/* Registers both. Returns 0, or -1 when out of memory. */
MUST_CHECK int reflection_register(struct rpc *r);

#endif
