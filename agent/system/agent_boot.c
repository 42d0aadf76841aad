#include "core/arena.h"
#include "core/limits.h"
#include "guest/boot.h"
#include "guest/v1/agent.pb-c.h"
#include "system/system.h"

/* guest.v1.Agent/GetBoot. */

static int list_phases(const struct boot *b, struct arena *a, Guest__V1__GetBootResponse *r)
{
    Guest__V1__BootPhase *all = arena_array(a, b->phase_count + 1, sizeof *all);

    r->phases = arena_array(a, b->phase_count + 1, sizeof *r->phases);
    if (!all || !r->phases)
        return -1;
    for (unsigned i = 0; i < b->phase_count; i++) {
        guest__v1__boot_phase__init(&all[i]);
        all[i].name = (char *)(uintptr_t)b->phases[i].name;
        all[i].end_us = b->phases[i].ended_ns / 1000;
        r->phases[r->n_phases++] = &all[i];
    }
    return 0;
}

enum rpc_taken agent_get_boot(struct rpc_call *call, const ProtobufCMessage *m)
{
    const struct system *s = rpc_context(call);
    struct boot *b = s->boot;
    Guest__V1__GetBootResponse r = GUEST__V1__GET_BOOT_RESPONSE__INIT;
    struct arena arena = {.max = MIB};

    (void)m;
    boot_finish(b);
    r.started_us = b->started_ns / 1000;
    r.problems = (char **)(uintptr_t)b->problems;
    r.n_problems = b->problem_count;
    r.problems_lost = b->problems_lost;
    if (list_phases(b, &arena, &r) < 0) {
        struct err e;

        err_nomem(&e, "describe the boot");
        rpc_finish(call, &e);
    } else {
        rpc_reply(call, &r.base);
    }
    arena_clear(&arena);
    return RPC_NEXT;
}
