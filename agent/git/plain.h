/* What verbs of plain commands share: words, paths on standard input, a short answer, lists. */
#ifndef GIT_PLAIN_H
#define GIT_PLAIN_H

#include "git/call.h"

/* Adds the words, which single spaces separate, to the command. -1 with *e as git_call_arg. */
MUST_CHECK int git_plain_words(struct git_call *c, const char *words, struct err *e);

/* Adds what a client named: a branch, tag or remote. -1 with *e, invalid_argument: it is no such name, as `what`. */
MUST_CHECK int git_plain_name(struct git_call *c, const char *name, const char *what, struct err *e);

/* Gives git the paths on its standard input: as many as there are, whatever they are called. None: nothing is added. -1 with *e,
 * invalid_argument: one is empty, or holds a NUL. */
MUST_CHECK int git_plain_paths(struct git_call *c, const ProtobufCBinaryData *paths, size_t count,
                               struct err *e);

/* Keeps what the next run prints, or the last GIT_STDERR_MAX of it. So it is of every run without a sink, but of verbs that emit. */
void git_plain_hear(struct git_call *c);

/* What the last run printed, without the last line feed. Valid until the next one. */
struct bytes git_plain_heard(const struct git_call *c);

/* The same as text in the arena; "" where the run failed. NULL with *e. */
char *git_plain_word(struct git_call *c, struct err *e);

/* As git_call_judge, of a git that says on its standard output why it does nothing. */
MUST_CHECK int git_plain_judge(struct git_call *c, struct err *e);

/* Room for one more behind the `count` elements of a list that grew by this function alone; NULL with *e. */
void *git_plain_room(struct git_call *c, const void *list, size_t count, size_t size, struct err *e);

/* As `ended` of a verb: answers with an empty message. */
MUST_CHECK int git_plain_done(struct git_call *c, struct err *e);

#endif
