/* A request of StacyVM's host as it arrives: {"id", "method", "params": {...}}, read from the bytes of a frame. What a
 * write_file carries is handed on in pieces; everything else is kept, STACYVM_REQUEST_MAX bytes in all.
 *
 * States: zeroed -> request_init -> request_next... until REQUEST_END or REQUEST_BAD -> request_clear. */
#ifndef STACYVM_REQUEST_H
#define STACYVM_REQUEST_H

#include "core/arena.h"
#include "core/err.h"
#include "guest/exec/spec.h"
#include "stacyvm/json.h"

/* Members of `params`, of all methods together: no name means two things. */
enum request_field {
    FIELD_COMMAND,
    FIELD_MODE,
    FIELD_WORK_DIR,
    FIELD_PATH,
    FIELD_OLD_PATH,
    FIELD_NEW_PATH,
    FIELD_PATTERN,
    FIELD_TEXTS, /* those before are strings */
    FIELD_CONTENT = FIELD_TEXTS,
    FIELD_ARGS,
    FIELD_ENV,
    FIELD_RECURSIVE,
    FIELD_PARAMS, /* the object itself */
    FIELD_NONE,   /* a name that is nobody's */
};

struct request {
    struct json json;
    struct arena arena;
    struct bytes id;                /* as it came; "" without one */
    struct bytes method;            /* the same */
    const char *texts[FIELD_TEXTS]; /* "" where there is none */
    const char **args;              /* owned; the strings are the arena's */
    size_t arg_count;
    struct exec_var *env; /* owned */
    size_t env_count;
    bool recursive;
    bool has_path;  /* texts[FIELD_PATH] is there, in case that its content comes later */
    unsigned wrong; /* a bit for each field that is of another type, or a string with a NUL */
    bool too_long;  /* more than STACYVM_REQUEST_MAX; what comes is not kept any more */
    bool lost;      /* there was no memory: REQUEST_BAD */

    /* under way */
    unsigned char member;     /* of the request */
    enum request_field field; /* of its params */
    bool in_params, in_field; /* the second and third level are those of params, and of args or env */
    const char *name;         /* of an env's variable */
    char *text;               /* the string that is coming; owned */
    size_t text_len, text_cap;
};

enum request_event {
    REQUEST_MORE,        /* all bytes are used up */
    REQUEST_CONTENT,     /* *text is some more of params.content: base64, as it came */
    REQUEST_CONTENT_END, /* of that string */
    REQUEST_END,         /* the request is complete; white space may follow */
    REQUEST_BAD,         /* it is no JSON, or no request, or there was no memory for it */
};

void request_init(struct request *r);

/* Frees what it holds. It may be filled again after request_init. */
void request_clear(struct request *r);

/* Reads on, and takes what it has used off the front of *in. REQUEST_END comes once; after it only REQUEST_MORE or REQUEST_BAD.
 */
enum request_event request_next(struct request *r, struct bytes *in, struct bytes *text);

/* What is wrong with one of the fields (bits), or that the request is too long. Returns 0, or -1 with *e: invalid_argument "bad
 * params: ...". */
MUST_CHECK int request_check(const struct request *r, unsigned fields, struct err *e);

#endif
