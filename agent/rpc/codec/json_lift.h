/* Long strings past the JSON parser: jansson takes a text character by character, which for a file in base64 costs ten times of
 * what everything else does. So they are lifted out of the text before it sees the rest, in which a short string stands for each. */
#ifndef RPC_CODEC_JSON_LIFT_H
#define RPC_CODEC_JSON_LIFT_H

#include <jansson.h>

#include "core/base.h"

struct json_lift {
    struct bytes text;    /* what is to be parsed; the text itself when nothing is lifted */
    char *owned;          /* it, when it is not */
    struct bytes *values; /* in the original text, in their order */
    size_t count;
};

/* Lifts each string of at least `shortest` bytes (and not fewer than JSON_LIFT_MIN) that is in the text what it stands for:
 * printable ASCII without an escape. What is put in their place begins with a NUL: it takes a parser with JSON_ALLOW_NUL, and
 * from a text that writes one itself nothing is lifted. Needs no more memory than the text has; without it nothing is lifted.
 * Names may be lifted too: jansson refuses what stands for them. A text that is refused must be parsed as it came: to know
 * whether that was all, and where the fault lies. `in` must live as long as the lift. */
void json_lift(struct json_lift *l, struct bytes in, size_t shortest);

#define JSON_LIFT_MIN 16 /* longer than what is put in its place */

/* Whether the value is a string that stands for a lifted one. */
bool json_lifted(const struct json_lift *l, const json_t *j);

/* What a JSON string says. */
struct bytes json_lift_string(const struct json_lift *l, const json_t *j);

void json_lift_clear(struct json_lift *l);

#endif
