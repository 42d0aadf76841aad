/* The guest's files as verbs ask for them: calls one after the other on one connection. Names are bytes there; where a path is
 * not UTF-8 the calls of guest.v1.Files carry it, and the others say so. */
#ifndef CTL_GUEST_H
#define CTL_GUEST_H

#include "core/arena.h"
#include "ctl/client.h"
#include "filesystem/filesystem.pb-c.h"
#include "guest/v1/files.pb-c.h"

typedef Guest__V1__FileInfo guest_file;

struct guest {
    const struct ctl *ctl;
    struct client client; /* connected when it is used */
    const char *user;     /* to act as; NULL: the agent's default. The caller's */
    char authorization[CLIENT_AUTHORIZATION_MAX];
    struct arena arena; /* the answers since guest_forget */
};

/* A guest's path as it is written: a colon in front, as cp wants it, may stand there. */
const char *guest_path(const char *word);

/* "directory/name"; NULL when out of memory. The caller frees. */
char *guest_join(const char *directory, const char *name);

/* The last part of a path without the slashes behind it, as a range of `path`; empty of "/" and "". */
struct bytes guest_base(const char *path);

/* A bytes field as text: allocated, the caller frees. NULL when out of memory, or with a NUL inside, which no name has. */
char *guest_text(ProtobufCBinaryData data);

/* Does not connect yet. Returns 0, or -1 with *e; guest_close is due in any case. */
int guest_open(struct guest *g, const struct ctl *ctl, const char *user, struct err *e);
void guest_close(struct guest *g);

/* Frees the answers so far. */
void guest_forget(struct guest *g);

/* The options of a call as the user. */
struct client_options guest_options(const struct guest *g);

/* Puts the path into the field of a request that can carry it; it stays the caller's. */
void guest_set_path(const char *path, char **text, ProtobufCBinaryData *bytes);

/* One call: the answer, or NULL with *e. It is valid until guest_forget. */
const ProtobufCMessage *guest_call(struct guest *g, const char *method, const ProtobufCMessage *m,
                                   const ProtobufCMessageDescriptor *d, struct answer_error *e);

/* The entry, and with `follow`, of a link, what it leads to. NULL with *e, NOT_FOUND also of a link to nothing. */
const guest_file *guest_stat(struct guest *g, const char *path, bool follow, struct answer_error *e);

/* One page of a directory: `page` is "" at first, then the answer's next_page. */
const Guest__V1__ListFilesResponse *guest_list(struct guest *g, const char *path, const char *page,
                                               struct answer_error *e);

/* Removes one entry. The others make: a directory with those bits (not_found: none above it), a link, with that text;
 * change bits, copy an entry over what is there (with `recursive` a tree), and move. Return 0, or -1 with *e. */
int guest_remove(struct guest *g, const char *path, struct answer_error *e);
int guest_mkdir(struct guest *g, const char *path, uint32_t mode, struct answer_error *e);
int guest_symlink(struct guest *g, const char *path, const char *target, struct answer_error *e);
int guest_chmod(struct guest *g, const char *path, uint32_t mode, bool recursive, struct answer_error *e);
int guest_copy(struct guest *g, const char *from, const char *to, bool recursive, struct answer_error *e);
int guest_move(struct guest *g, const char *from, const char *to, struct answer_error *e);

/* Removes an entry and all below it, makes a directory and those above it: 0755, and what is there stays. */
int guest_remove_all(struct guest *g, const char *path, struct answer_error *e);
int guest_mkdir_all(struct guest *g, const char *path, struct answer_error *e);

/* The file's ETag as /files tells it, until guest_forget. NULL with *e. */
const char *guest_etag(struct guest *g, const char *path, struct answer_error *e);

/* Prints "guestctl: VERB 'NAME': why" and returns the exit code. */
int guest_fail(const char *verb, const char *name, const struct answer_error *e);

#endif
