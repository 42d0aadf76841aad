/* The agent's own log, of which it keeps the last lines. */
#ifndef CTL_AGENT_LOG_H
#define CTL_AGENT_LOG_H

#include "ctl/client.h"
#include "guest/v1/agent.pb-c.h"

/* The lines behind byte `after` of the log (0: all that are kept), in *a. NULL with *e. */
const Guest__V1__GetLogResponse *agent_log_get(struct client *c, uint64_t after, struct arena *a,
                                               struct answer_error *e);

/* Prints it: no more than the last `tail` bytes, in whole lines; with `follow` what comes, too, until we are interrupted.
 * Returns an exit code. */
int agent_log_print(const struct ctl *ctl, uint64_t tail, bool follow);

#endif
