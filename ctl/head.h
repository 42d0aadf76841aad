/* Where a process's output ends at the moment. */
#ifndef CTL_HEAD_H
#define CTL_HEAD_H

#include "ctl/client.h"
#include "process/process.pb-c.h"

/* Asks for the process's id and the offset of its next byte. Returns 0, or -1 with *e; both are 0 then. */
int head_ask(const struct ctl *ctl, const Process__ProcessSelector *whom, uint64_t *id, uint64_t *offset,
             struct answer_error *e);

#endif
