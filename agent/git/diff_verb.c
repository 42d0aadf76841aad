#include <stdio.h>

#include "git/compare.h"
#include "git/verbs.h"

/* --- Diff ------------------------------------------------------------------------------------ */

/* More lines around a change than a file has, and few enough for git to add to. */
#define CONTEXT_MAX 1000000000u

struct diff {
    struct git_compare compare;
    char context[24];
};

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__DiffRequest *m = (const Guest__V1__DiffRequest *)message;
    struct diff *x = c->state = git_call_alloc(c, sizeof *x, e);
    bool given = m->_context_case == GUEST__V1__DIFF_REQUEST___CONTEXT_CONTEXT;

    if (!x)
        return -1;
    snprintf(x->context, sizeof x->context, "--unified=%u", given ? MIN(m->context, CONTEXT_MAX) : 3);
    return git_compare_ask(c, &x->compare, m->target, e);
}

/* What git says on standard error stays in the error. */
static int emit(struct git_call *c, enum ring_stream stream, const struct chain *data)
{
    Guest__V1__DiffResponse r = GUEST__V1__DIFF_RESPONSE__INIT;

    if (stream == RING_STDERR)
        return 0;
    r.patch = (ProtobufCBinaryData){data->bytes, CODEC_BULK};
    return rpc_emit(c->rpc, &r.base, data);
}

static int ended(struct git_call *c, struct err *e)
{
    struct diff *x = c->state;
    const char *options[] = {"--patch", x->context};

    if (c->step == 1)
        return git_compare_run(c, &x->compare, NULL, options, ARRAY_LEN(options), e);
    git_call_end(c);
    return 0;
}

const struct git_verb git_verb_diff = {.name = "Diff",
                                       .kind = RPC_SERVER_STREAM,
                                       .input = &guest__v1__diff_request__descriptor,
                                       .output = &guest__v1__diff_response__descriptor,
                                       .access = GIT_READS,
                                       .ask = ask,
                                       .ended = ended,
                                       .emit = emit};
