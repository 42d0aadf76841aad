/* Answers git's questions for a user name and a password: the agent's side of agent/askpass.h.
 *
 * A question is a packet with git's prompt ("Password for 'https://ann@host': ") and the write end of a pipe as a descriptor. Where
 * it is about the credentials' origin the pipe gets the answer and "+"; else it is closed. A socket's packets come from whatever
 * git started, so nothing is believed: a prompt is parsed as a URL, a descriptor that is no pipe is not written to. */
#ifndef GUEST_GIT_ASKER_H
#define GUEST_GIT_ASKER_H

#include "core/loop.h"
#include "guest/git/credentials.h"

/* A zeroed struct with fd -1 is stopped. */
struct git_asker {
    struct loop *loop;
    const struct git_credentials *credentials;
    int fd;
    ev_io io;
    bool failed; /* a question was left open, as `error` says: git then says that nobody may log in */
    struct err error;
};

/* Answers on the socket from now on, and owns it. The credentials must outlive it. */
void git_asker_start(struct git_asker *a, struct loop *loop, int fd,
                     const struct git_credentials *credentials);

void git_asker_stop(struct git_asker *a);

/* What the prompt is to be answered with; *answer is NULL: nothing. Returns 0, or -1 with *e: out of memory. */
MUST_CHECK int git_asker_answer(const struct git_credentials *c, struct bytes prompt, const char **answer,
                                struct err *e);

#endif
