/* Bodies in parts (RFC 2046 section 5.1, RFC 7578), read as they come: nothing but the header of the part under way is kept, the
 * contents are handed on where they lie. Threads: one at a time.
 *
 * States: before the first part -> (header -> contents)... -> behind the last part, of which nothing matters. */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "core/err.h"
#include "core/limits.h"

enum multipart_state {
    MULTIPART_SEARCH,    /* in contents, or before the first part: until the delimiter */
    MULTIPART_DELIMITED, /* behind a delimiter: its line's end, or "--" */
    MULTIPART_HEADER,    /* a part's header */
    MULTIPART_DONE,      /* behind the last part */
};

enum multipart_event {
    MULTIPART_MORE, /* all of the input was taken */
    MULTIPART_PART, /* a part begins: name and filename are set */
    MULTIPART_DATA, /* of its contents: *data, which is in the input or in the parser; never empty */
    MULTIPART_END,  /* of its contents */
    MULTIPART_FAIL, /* *e: invalid_argument; out_of_range where a limit is exceeded; resource_exhausted: out of memory */
};

struct multipart {
    enum multipart_state state;
    bool in_part;    /* PART was told, and its END was not */
    size_t matched;  /* bytes of the delimiter that the input ended with */
    size_t unreal;   /* of them, how many the input did not have: a line begins where it began */
    char *delimiter; /* "\r\n--boundary" */
    size_t delimiter_len;
    char line[2]; /* what stands behind a delimiter, as far as it counts */
    unsigned line_len;
    char *header; /* of the part under way */
    size_t header_len;
    char *name, *filename; /* of the part; NULL: it has none. Valid until the next PART */
    size_t filename_len;   /* of filename, which may hold a NUL then */
};

/* Begins to read a body of that Content-Type. Returns 0, or -1 with *e: invalid_argument without a boundary, or with one that
 * cannot be (empty, over MULTIPART_BOUNDARY_MAX, a line's end in it). */
MUST_CHECK int multipart_init(struct multipart *m, struct bytes content_type, struct err *e);
void multipart_clear(struct multipart *m);

/* Takes bytes off the front of *in up to the next event. Call it until it says MORE or FAIL. */
enum multipart_event multipart_next(struct multipart *m, struct bytes *in, struct bytes *data, struct err *e);

/* Whether the last part was complete, and said to be the last. */
static inline bool multipart_done(const struct multipart *m)
{
    return m->state == MULTIPART_DONE;
}

#endif
