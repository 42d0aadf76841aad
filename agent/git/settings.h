/* The repository's and the user's configuration, as verbs read and write it. */
#ifndef GIT_SETTINGS_H
#define GIT_SETTINGS_H

#include "git/call.h"
#include "guest/git/config.h"

/* Reads `git config --list`: a verb's state begins with it. */
struct git_settings {
    struct git_sink out;
    struct git_config reader;
    struct git_call *call;
};

/* Makes c->state, of `size` bytes, and the command that lists the scope; `entry` gets the state. -1 with *e. */
MUST_CHECK int git_settings_list(struct git_call *c, size_t size, enum git_scope scope,
                                 int (*entry)(void *arg, const struct git_config_entry *x, struct err *e),
                                 struct err *e);

/* As git_call_judge, of `git config`: it does not say why it sees no repository where there is one. */
MUST_CHECK int git_settings_judge(struct git_call *c, struct err *e);

/* From `ended`, which any_code brought: whether all has been read. -1 with *e. */
MUST_CHECK int git_settings_listed(struct git_call *c, struct err *e);

/* As `clear` of the verb. */
void git_settings_clear(struct git_call *c);

/* Where a call works that has to do with that scope: of another than the repository's it is the user's home, so that all who write
 * there wait for each other. -1 with *e, invalid_argument: the repository's, and the path is empty. */
MUST_CHECK int git_settings_place(struct git_call *c, enum git_scope scope, const char *path, struct err *e);

/* The words that begin a command: "config", and the scope's option. */
const char *git_settings_command(enum git_scope scope);

/* The scope of a message; GIT_SCOPE_ANY is `unspecified`. -1 with *e, invalid_argument. */
MUST_CHECK int git_settings_scope(Guest__V1__ConfigScope scope, enum git_scope unspecified,
                                  enum git_scope *out, struct err *e);

/* As `ended` of a verb with any_code that writes: answers with an empty message. */
MUST_CHECK int git_settings_done(struct git_call *c, struct err *e);

/* Adds a key. -1 with *e, invalid_argument: it is none. */
MUST_CHECK int git_settings_key(struct git_call *c, const char *key, struct err *e);

#endif
