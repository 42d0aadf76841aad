/* What Fetch, Pull and Push share: which remote a call talks to, and the updates that it tells of. */
#ifndef GIT_REMOTE_H
#define GIT_REMOTE_H

#include "git/stream.h"
#include "guest/git/updates.h"

/* Which remote, found by up to three runs of git: HEAD's branch, its remote where the request names none, and the remote's URL where
 * credentials have to be aimed. */
struct git_remote {
    enum git_remote_step { GIT_REMOTE_BRANCH, GIT_REMOTE_NAME, GIT_REMOTE_URL, GIT_REMOTE_FOUND } step;
    bool push;
    const char *branch; /* refs/heads/...; "": HEAD is detached */
    const char *
        upstream; /* the reference of that very remote which the branch follows; "": none, or `push` is not set */
    const char *name; /* for git: a remote's name, or a URL without credentials. In the arena */
};

/* From `ask`: begins. `name` is the request's: empty, a remote's name or a URL. -1 with *e. */
MUST_CHECK int git_remote_begin(struct git_call *c, struct git_remote *r, const char *name, bool push,
                                struct err *e);

/* From `ended`, while step is not GIT_REMOTE_FOUND: 1: it is now; 0: another run was begun; -1 with *e. */
MUST_CHECK int git_remote_next(struct git_call *c, struct git_remote *r, struct err *e);

/* Adds several arguments to the command. */
MUST_CHECK int git_remote_args(struct git_call *c, const char *const *args, size_t count, struct err *e);

/* From `ended`: a further run of these words, whose output goes to the sink; NULL: it is kept (plain.h). */
MUST_CHECK int git_remote_run(struct git_call *c, struct git_sink *out, const char *const *args, size_t count,
                              struct err *e);

/* Adds --depth=N; nothing for 0. */
MUST_CHECK int git_remote_depth(struct git_call *c, uint32_t depth, struct err *e);

/* A copy of a request's strings for later runs, in the arena. NULL with *e. */
char **git_remote_copy(struct git_call *c, char *const *texts, size_t count, struct err *e);

/* Adds refspecs as operands. */
MUST_CHECK int git_remote_refspecs(struct git_call *c, char *const *refspecs, size_t count, struct err *e);

/* RefUpdates of an answer; all in the arena. */
struct git_updates {
    Guest__V1__RefUpdate **list;
    size_t count;
};

/* Adds one, with copies. NULL with *e: out of memory. */
Guest__V1__RefUpdate *git_updates_add(struct git_call *c, struct git_updates *u, struct bytes ref,
                                      const struct git_update *what, struct err *e);

#endif
