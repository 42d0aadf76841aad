/* Messages and their two forms on the wire: protobuf's binary form and ProtoJSON, both driven by the
 * descriptors that the build generates, so that a new message needs no code.
 *
 * Decoding puts a message and all that hangs on it into an arena; it is valid until the arena is cleared. A
 * decoder refuses what the other side could not have meant: nesting beyond NESTING_MAX, strings that are not
 * UTF-8 or hold a NUL (they would be cut there), more memory than DECODE_MAX. Sources:
 * https://protobuf.dev/programming-guides/encoding/ and https://protobuf.dev/programming-guides/json/. */
#ifndef RPC_CODEC_CODEC_H
#define RPC_CODEC_CODEC_H

#include <protobuf-c/protobuf-c.h>

#include "core/arena.h"
#include "core/chain.h"
#include "core/err.h"

enum codec { CODEC_PROTO, CODEC_JSON };

/* The bytes of one bytes field that are not copied into the message: set the field's data to CODEC_BULK and
 * its len to bulk->bytes, and encode with the chain; its ranges go into the output by reference (JSON: as
 * base64). */
extern uint8_t codec_bulk_mark[1];
#define CODEC_BULK (&codec_bulk_mark[0])

/* Decodes the whole of `in`. Returns the message in *a, or NULL with *e: invalid_argument or
 * resource_exhausted. */
ProtobufCMessage *codec_decode(enum codec codec, const ProtobufCMessageDescriptor *d, struct bytes in,
                               struct arena *a, struct err *e);

/* Appends the encoded message to `out`. bulk may be NULL. Returns 0, or -1 with *e: resource_exhausted (the
 * pool, the machine's memory, or MESSAGE_MAX without the bulk), or internal: the message has no JSON (an Any of
 * an unknown type, a time out of range). `out` may hold a part then. */
MUST_CHECK int codec_encode(enum codec codec, const ProtobufCMessage *m, const struct chain *bulk,
                            struct seg_pool *pool, struct chain *out, struct err *e);

/* --- of the JSON codec only ------------------------------------------------------------------ */

/* "exit_code" -> "exitCode": the JSON name of a field, and its length. out has room for strlen(name) + 1 bytes. */
size_t codec_json_name(const char *name, char *out);

/* Makes jansson allocate from the budget of the decode under way. Call it once, before the first decode. */
void codec_init(void);

#endif
