/* What becomes of an upload's bytes, on their way from the body to the files: unpacked, cut into parts, written. It is fed by one
 * worker at a time; between two, and before the first and after the last, it is the loop's.
 *
 * States: filled in by the loop -> intake_feed... until `finished` or `failed`, or intake_abandon -> intake_clear. */
#ifndef FILES_INTAKE_H
#define FILES_INTAKE_H

#include "guest/fs/caller.h"
#include "guest/fs/metadata.h"
#include "guest/fs/write.h"
#include "http/gunzip.h"
#include "http/multipart.h"

#define INTAKE_IOV 64

/* A file that was written. Texts are in the intake's arena. */
struct intake_file {
    char *path;
    uint32_t hash; /* of the path */
    struct fs_metadata metadata;
};

struct intake {
    /* what is asked for; from the loop */
    struct fs_caller caller;
    char *path; /* the query's, as it was given; NULL: each part has its own. Owned */
    struct fs_write_options options;
    bool keep_metadata; /* what is attached to the file stays; else it is replaced by: */
    struct fs_metadata metadata;
    int64_t length; /* of the body; -1: not known */
    bool refused;   /* to be answered with `error`, if the user exists */
    bool parts;     /* the body is multipart */
    struct multipart multipart;
    struct gunzip *gunzip; /* NULL: it comes as it is. Owned */

    /* under way; the worker's */
    struct user *user;
    char *target; /* of the file that is open; NULL: none is */
    struct fs_write write;
    struct iovec iov[INTAKE_IOV]; /* contents that are to be written, where they lie */
    int iov_count;

    /* what came of it */
    struct arena arena;
    struct intake_file *files; /* owned */
    size_t count, cap;
    bool finished; /* all of it is written and closed */
    bool failed;   /* for `error` */
    struct err error;
};

/* Makes it empty: nothing asked for, nothing open. */
void intake_init(struct intake *in);

/* Takes the next bytes of the body, which must not change before it returns; `end`: they are its last ones. Sets finished (at
 * the end) or failed; what was open is closed then. In a worker. */
void intake_feed(struct intake *in, const struct iovec *bytes, int count, bool end);

/* There will be no more, and nobody waits for an answer: closes what is open. In a worker. */
void intake_abandon(struct intake *in);

/* Whether a file is open, which only a worker may close. */
static inline bool intake_is_open(const struct intake *in)
{
    return in->write.path;
}

/* Frees what it holds. Nothing may be open. */
void intake_clear(struct intake *in);

#endif
