/* What a file is, by its name and its first bytes. */
#ifndef HTTP_MIME_H
#define HTTP_MIME_H

#include "core/base.h"

/* The media type of a file with that name, by its extension in any case; NULL when there is none that we know: the table that Go's
 * mime package has built in. */
const char *mime_by_name(struct bytes name);

/* The media type of what begins with these bytes; the first MIME_SNIFF count. text/plain or application/octet-stream: of the
 * WHATWG's rules (https://mimesniff.spec.whatwg.org, which Go's http.DetectContentType follows) only those that tell text from
 * binary data are here (byte order marks, and bytes that no text has). What could make a browser run or draw a file that nobody
 * named so is left out. */
#define MIME_SNIFF 512
const char *mime_sniff(struct bytes begin);

/* For what nobody has looked into. */
extern const char mime_unknown[];

#endif
