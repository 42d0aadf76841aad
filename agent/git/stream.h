/* What calls send while git runs: its output as it comes, in messages that hold it by reference, or its progress. Of progress a
 * client gets the newest: what it did not read in time is gone, but for GIT_REMOTE_LINES_MAX lines that the server said. */
#ifndef GIT_STREAM_H
#define GIT_STREAM_H

#include "core/limits.h"
#include "git/call.h"
#include "guest/git/progress.h"

struct git_watch {
    struct git_sink sink;
    struct git_progress reader;
    struct git_call *call;
    bool fresh; /* not sent yet */
    Guest__V1__GitProgress now;
    char phase[64];
    char lines[GIT_REMOTE_LINES_MAX][GIT_PROGRESS_LINE + 1]; /* a ring */
    unsigned first, count;
};

/* The standard error of c's next runs is read for progress. -1 with *e: out of memory. */
MUST_CHECK int git_watch_begin(struct git_call *c, struct err *e);

/* The `produce` of a method: sends what there is through the verb's `emit`. */
enum rpc_produced git_call_produce(struct rpc_call *rpc, size_t max);

#endif
