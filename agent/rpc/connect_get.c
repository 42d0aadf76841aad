#include <errno.h>

#include "core/base64.h"
#include "rpc/call.h"

/* Connect's GET for methods without side effects: https://connectrpc.com/docs/protocol#unary-get-request. All that a POST
 * says with its body and its content's headers stands in the query. */

/* Whether the parameter is there with that value. */
static bool is(const struct http_exchange *x, const char *name, const char *value, bool *present)
{
    CLEANUP_FREE char *text = http_query(x, name, present);

    return text && strcmp(text, value) == 0;
}

/* Appends the message's bytes to `in`. Returns 0, or -1 with *e. */
static int read_message(const struct http_exchange *x, struct chain *in, struct err *e)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE uint8_t *plain = NULL;
    bool present, base64 = is(x, "base64", "1", &present);
    size_t len;
    ptrdiff_t n;

    text = http_query_bytes(x, "message", &len, &present);
    if (!present)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "missing message parameter");
    if (!text)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "protocol error: the message is not percent-encoded");
    if (!base64)
        return chain_copy(in, text, len) < 0 ? err_nomem(e, "receive a message") : 0;
    plain = malloc(len / 4 * 3 + 2);
    if (!plain)
        return err_nomem(e, "receive a message");
    n = base64_decode((struct bytes){text, len}, plain);
    if (n < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "protocol error: the message is not base64");
    return chain_copy(in, plain, (size_t)n) < 0 ? err_nomem(e, "receive a message") : 0;
}

static int read_query(const struct http_exchange *x, enum codec *codec, bool *gzip, struct chain *in,
                      struct err *e)
{
    CLEANUP_FREE char *encoding = NULL, *compression = NULL;
    bool present;

    if (!is(x, "connect", "v1", &present) && present)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "connect must be \"v1\"");
    encoding = http_query(x, "encoding", &present);
    if (!present)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "missing encoding parameter");
    if (!encoding || (strcmp(encoding, "proto") != 0 && strcmp(encoding, "json") != 0))
        return 0;
    *codec = strcmp(encoding, "proto") == 0 ? CODEC_PROTO : CODEC_JSON;
    compression = http_query(x, "compression", &present);
    if (present && !compression)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "protocol error: invalid compression parameter");
    if (rpc_parse_encoding(bytes_of(compression), gzip, e) < 0 || read_message(x, in, e) < 0)
        return -1;
    return 1;
}

int connect_get(struct http_exchange *x, enum codec *codec, bool *gzip, struct chain *in, struct err *e)
{
    int ret;

    errno = 0; /* http_query's word for a parameter that is there, and for which there is no memory */
    ret = read_query(x, codec, gzip, in, e);
    return errno == ENOMEM ? err_nomem(e, "read the query") : ret;
}
