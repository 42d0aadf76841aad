/* JSON (RFC 8259) as it arrives: a reader that is given bytes in pieces and takes no more memory for a value of 64 MiB than for
 * one of four bytes. It keeps where it is, not what it has seen.
 *
 * A zeroed struct is a reader before its first byte. Who frees: nobody, it has no memory of its own. */
#ifndef STACYVM_JSON_H
#define STACYVM_JSON_H

#include "core/base.h"
#include "core/limits.h"

enum json_token {
    JSON_MORE, /* all bytes are used up, the next token is not whole */
    JSON_BAD,  /* this is no JSON, or deeper than NESTING_MAX; stays so */
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_TEXT,     /* some more bytes of a string, unescaped; `is_key` says whether of a member's name */
    JSON_TEXT_END, /* of that string, perhaps without a JSON_TEXT before */
    JSON_NUMBER,   /* its value is not told: nobody here needs one */
    JSON_WORD_TRUE,
    JSON_WORD_FALSE,
    JSON_WORD_NULL,
};

struct json {
    unsigned char state;
    bool is_key;
    bool done; /* the value is complete; only white space may follow */
    unsigned depth;
    uint64_t objects[(NESTING_MAX + 63) / 64]; /* a bit for each level: an object, not an array */
    const char *word;                          /* what is left of true, false or null */
    enum json_token word_token;
    uint32_t code; /* of \uXXXX, as far as it is there */
    unsigned digits;
    uint32_t high;  /* a high surrogate that waits for its other half; 0: none */
    char escape[8]; /* what an escape means, U+FFFD for half a pair before it included */
};

/* The next token, or JSON_MORE. Takes what it has used off the front of *in. *text is JSON_TEXT's: it lies in the bytes that were
 * given, or in the reader, until the next call; bytes that are not UTF-8 pass. */
enum json_token json_next(struct json *j, struct bytes *in, struct bytes *text);

#endif
