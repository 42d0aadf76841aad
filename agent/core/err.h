/* Errors: one object that says what went wrong, for the client (a status), for the machine (an errno) and for
 * a person (a text that names the object). It is filled once, wrapped on the way up, and reported once. */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include "core/base.h"

/* The status codes of gRPC and Connect, with their numbers.
 * Source: https://connectrpc.com/docs/protocol#error-codes and grpc/doc/statuscodes.md. */
enum status {
    STATUS_OK = 0,
    STATUS_CANCELED = 1,
    STATUS_UNKNOWN = 2,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_ALREADY_EXISTS = 6,
    STATUS_PERMISSION_DENIED = 7,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_FAILED_PRECONDITION = 9,
    STATUS_ABORTED = 10,
    STATUS_OUT_OF_RANGE = 11,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,
    STATUS_UNAVAILABLE = 14,
    STATUS_DATA_LOSS = 15,
    STATUS_UNAUTHENTICATED = 16,
};

/* Longest text of an error with its NUL; a longer one is cut at a character's boundary and ends in "...". */
#define ERR_TEXT_MAX 1024

struct err {
    enum status status;
    int errnum; /* errno of the failed call, or 0 */
    char text[ERR_TEXT_MAX];
};

/* Fills *e (unless e is NULL) and returns -1, so that callers can `return err_set(...)`. When errnum is not
 * 0, ": " and its description follow the text. Bytes that are not UTF-8 are replaced by '?'. */
int err_set(struct err *e, enum status status, int errnum, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Puts the formatted text and ": " in front of the text of *e and returns -1. Status and errno stay. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Out of memory while doing `what`: resource_exhausted. Returns -1. */
int err_nomem(struct err *e, const char *what);

/* The lower-case name of a status as Connect writes it ("invalid_argument"); "unknown" for a foreign
 * number. */
const char *status_name(enum status status);

/* The status with that name, or STATUS_UNKNOWN. */
enum status status_from_name(struct bytes name);

/* The text of an errno in the field's style: "no such file or directory". Never NULL, needs no locale. */
const char *errno_text(int errnum);

#endif
