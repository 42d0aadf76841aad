/* What an errno of a file operation means to a client. */
#ifndef GUEST_FS_STATUS_H
#define GUEST_FS_STATUS_H

#include "core/err.h"

/* resource_exhausted: no space, quota, descriptors or memory; permission_denied; internal for all others. What a missing or an
 * existing file means is the operation's to say. */
enum status fs_status(int errnum);

/* The same, with what is plain to a caller who asked for one strict step: not_found, already_exists, and failed_precondition
 * for an entry of the wrong kind or a directory that is not empty. */
enum status fs_status_strict(int errnum);

#endif
