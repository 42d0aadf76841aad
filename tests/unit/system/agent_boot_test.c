/* GetBoot: the record of the boot as a message. */
#include "rig.h"
#include "test.h"

#include "core/arena.h"
#include "guest/v1/agent.pb-c.h"
#include "rpc/rpc.h"

/* The answer is looked at while it lives. */
static unsigned replies;
static char told[512];

static void reply_seen(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Guest__V1__GetBootResponse *r = (const Guest__V1__GetBootResponse *)m;
    size_t n = (size_t)snprintf(told, sizeof told, "%llu", (unsigned long long)r->started_us);

    (void)call;
    replies++;
    for (size_t i = 0; i < r->n_phases; i++)
        n += (size_t)snprintf(told + n, sizeof told - n, " %s=%llu", r->phases[i]->name,
                              (unsigned long long)r->phases[i]->end_us);
    for (size_t i = 0; i < r->n_problems; i++)
        n += (size_t)snprintf(told + n, sizeof told - n, " '%s'", r->problems[i]);
    snprintf(told + n, sizeof told - n, " +%u", r->problems_lost);
}

static void *context;

#define rpc_reply(call, m) reply_seen(call, m)
#define rpc_context(call)  context

#include "system/agent_boot.c"

#undef rpc_reply
#undef rpc_context

static void it_tells_the_record(void **state)
{
    char *line = "mount /x: no";
    struct boot boot = {.started_ns = 1500999, .phase_count = 2, .problem_count = 1, .problems_lost = 3};
    struct system s = {.boot = &boot};

    (void)state;
    boot.phases[0] = (struct boot_phase){"mounts", 2000000};
    boot.phases[1] = (struct boot_phase){"listen", 3000000};
    boot.problems[0] = line;
    context = &s;
    assert_int_equal(agent_get_boot(NULL, NULL), RPC_NEXT);
    assert_int_equal(replies, 1);
    assert_string_equal(told, "1500 mounts=2000 listen=3000 'mount /x: no' +3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_the_record),
    };

    return RUN(tests);
}
