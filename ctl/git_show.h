/* What the answers of guest.v1.Git say, for a person. Names are bytes: on a terminal what it could take for commands is replaced;
 * elsewhere they come as they are. */
#ifndef CTL_GIT_SHOW_H
#define CTL_GIT_SHOW_H

#include "rpc/codec/codec.h"

/* Each writes to standard output what a message of its method says; of a stream of one that is no progress. */
void git_show_clone(const ProtobufCMessage *m);
void git_show_init(const ProtobufCMessage *m);
void git_show_status(const ProtobufCMessage *m);
void git_show_commit(const ProtobufCMessage *m);
void git_show_log(const ProtobufCMessage *m);
void git_show_diff(const ProtobufCMessage *m);
void git_show_changes(const ProtobufCMessage *m);
void git_show_branches(const ProtobufCMessage *m);
void git_show_checkout(const ProtobufCMessage *m);
void git_show_remotes(const ProtobufCMessage *m);
void git_show_fetch(const ProtobufCMessage *m);
void git_show_pull(const ProtobufCMessage *m);
void git_show_push(const ProtobufCMessage *m);
void git_show_reset(const ProtobufCMessage *m);
void git_show_get_config(const ProtobufCMessage *m);
void git_show_list_config(const ProtobufCMessage *m);

#endif
