/* GetLog: the lines that are kept, and those behind an offset. */
#include "rig.h"
#include "test.h"

#include "core/log.h"
#include "guest/v1/agent.pb-c.h"
#include "rpc/rpc.h"

/* What the log is said to be: two pieces, the second one behind the ring's end. */
static struct bytes pieces[2];
static uint64_t logged;

static uint64_t told_ring(struct bytes piece[2])
{
    piece[0] = pieces[0];
    piece[1] = pieces[1];
    return logged;
}

static char told[256];

static void reply_seen(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Guest__V1__GetLogResponse *r = (const Guest__V1__GetLogResponse *)m;

    (void)call;
    snprintf(told, sizeof told, "%llu-%llu %s", (unsigned long long)r->from, (unsigned long long)r->next,
             r->text);
}

#define log_ring(piece)    told_ring(piece)
#define rpc_reply(call, m) reply_seen(call, m)

#include "system/agent_log.c"

#undef log_ring
#undef rpc_reply

static const char *after(uint64_t offset)
{
    Guest__V1__GetLogRequest m = GUEST__V1__GET_LOG_REQUEST__INIT;

    m.after = offset;
    assert_int_equal(agent_get_log(NULL, &m.base), RPC_NEXT);
    return told;
}

static void nothing_is_a_log_too(void **state)
{
    (void)state;
    logged = 0;
    pieces[0] = pieces[1] = (struct bytes){NULL, 0};
    assert_string_equal(after(0), "0-0 ");
    assert_string_equal(after(7), "0-0 ");
}

/* Bytes 100 to 111, "one" and "two" in the ring's first piece. */
static void it_goes_on_where_the_last_answer_ended(void **state)
{
    (void)state;
    logged = 112;
    pieces[0] = BYTES_LIT("one\ntw");
    pieces[1] = BYTES_LIT("o\n3rd\n");
    assert_string_equal(after(0), "100-112 one\ntwo\n3rd\n");
    assert_string_equal(after(104), "104-112 two\n3rd\n");
    assert_string_equal(after(108), "108-112 3rd\n");
    assert_string_equal(after(112), "112-112 ");
}

static void an_offset_that_is_none_gets_all(void **state)
{
    (void)state;
    assert_string_equal(after(99), "100-112 one\ntwo\n3rd\n");
    assert_string_equal(after(100), "100-112 one\ntwo\n3rd\n");
    assert_string_equal(after(105), "100-112 one\ntwo\n3rd\n");
    assert_string_equal(after(113), "100-112 one\ntwo\n3rd\n");
    assert_string_equal(after(UINT64_MAX), "100-112 one\ntwo\n3rd\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_a_log_too),
        cmocka_unit_test(it_goes_on_where_the_last_answer_ended),
        cmocka_unit_test(an_offset_that_is_none_gets_all),
    };

    return RUN(tests);
}
