/* guest.v1.Files/ReadTree: a worker reads a block of messages, and the next one while the first is sent. */
#ifndef FILES_READ_TREE_H
#define FILES_READ_TREE_H

#include "rpc/rpc.h"

enum rpc_taken read_tree_message(struct rpc_call *call, const ProtobufCMessage *m);
enum rpc_produced read_tree_produce(struct rpc_call *call, size_t max);
void read_tree_cancel(struct rpc_call *call, enum close_reason why);

#endif
