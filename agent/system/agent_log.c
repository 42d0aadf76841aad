#include "core/arena.h"
#include "core/limits.h"
#include "core/log.h"
#include "guest/v1/agent.pb-c.h"
#include "system/system.h"

/* guest.v1.Agent/GetLog. */

/* How many bytes of the lines are behind byte `after` of the log, which ends at `end`; all of them where that is none of
 * their beginnings. */
static size_t wanted(struct bytes lines, uint64_t after, uint64_t end)
{
    uint64_t first = end - lines.len;

    if (after == end)
        return 0;
    if (after <= first || after > end || lines.ptr[after - first - 1] != '\n')
        return lines.len;
    return (size_t)(end - after);
}

enum rpc_taken agent_get_log(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Guest__V1__GetLogRequest *request = (const Guest__V1__GetLogRequest *)m;
    Guest__V1__GetLogResponse r = GUEST__V1__GET_LOG_RESPONSE__INIT;
    struct bytes piece[2];
    uint64_t end = log_ring(piece);
    size_t len = piece[0].len + piece[1].len, want;
    CLEANUP_FREE char *text = malloc(len + 1);
    struct err e;

    if (!text) {
        err_nomem(&e, "copy the log");
        rpc_finish(call, &e);
        return RPC_NEXT;
    }
    for (unsigned i = 0; i < 2; i++)
        if (piece[i].len > 0)
            memcpy(text + (i == 0 ? 0 : piece[0].len), piece[i].ptr, piece[i].len);
    text[len] = 0;
    want = wanted((struct bytes){text, len}, request->after, end);
    r.text = text + len - want;
    r.from = end - want;
    r.next = end;
    rpc_reply(call, &r.base);
    return RPC_NEXT;
}
