/* The content of a write_file on its way into the file: decoded from base64 as it comes, written by a worker while more comes.
 *
 * Two blocks of STACYVM_BLOCK: one is filled by the connection, one is with a worker. While both are full the connection does not
 * read. A content that comes before its path goes into a file without a name first, and from there to where it belongs.
 *
 * States: content_new -> content_put... (each time as much as content_room says) -> content_finish -> `told` once, or content_drop at
 * any time before. Who owns: the connection, until content_drop or `told`; a job that is under way keeps what it needs. Threads: the
 * loop's; a worker only while `busy`. */
#ifndef STACYVM_CONTENT_H
#define STACYVM_CONTENT_H

#include "guest/fs/workers.h"
#include "guest/fs/write.h"

struct content;

struct content_events {
    /* There is room again (content_room); or it was finished: *e is NULL, or says "write: ..." or "mkdir: ...", and the content is gone. */
    void (*room)(void *owner);
    void (*told)(void *owner, const struct err *e);
};

/* NULL when out of memory. */
struct content *content_new(struct fs_workers *workers, struct guest_env *env,
                            const struct content_events *events, void *owner);

/* How many characters of base64 it can take now. */
size_t content_room(const struct content *c);

/* Takes the characters, of which there are no more than content_room(). `path` is where the file will be, absolute, NULL while that is
 * not known. What is no base64 is noted. */
void content_put(struct content *c, struct bytes text, const char *path);

/* The string has ended: whether it was base64. */
bool content_is_whole(const struct content *c);

/* Writes the rest to the path, with that mode where has_mode (else 0666 less the umask, or what an old file has). `told` will come. */
void content_finish(struct content *c, const char *path, bool has_mode, mode_t mode);

/* Nobody wants it any more; no event will come. A file that was begun stays as far as it is written. */
void content_drop(struct content *c);

#endif
