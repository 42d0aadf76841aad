/* guest.v1.Files/WriteTree: a worker makes what one block of messages says, while the next one comes in. */
#ifndef FILES_WRITE_TREE_H
#define FILES_WRITE_TREE_H

#include "rpc/rpc.h"

enum rpc_taken write_tree_message(struct rpc_call *call, const ProtobufCMessage *m);
void write_tree_half_close(struct rpc_call *call);
void write_tree_cancel(struct rpc_call *call, enum close_reason why);

#endif
