#include <sys/utsname.h>
#include <unistd.h>

#include <fcntl.h>

#include "core/arena.h"
#include "core/build.h"
#include "core/clock.h"
#include "core/fd.h"
#include "core/limits.h"
#include "guest/v1/agent.pb-c.h"
#include "system/system.h"
#include "system/version.h"

/* guest.v1.Agent/GetInfo. What it reads from /proc is in memory of the kernel: no worker is needed. */

static const struct {
    const char *name;
    uint64_t value;
    const char *unit;
} limits[] = {
#define X(name, value, unit, reason) {#name, value, unit},
    LIMITS(X)
#undef X
};

/* The addresses we listen on. */
static int list_listeners(const struct net *net, struct arena *a, Guest__V1__GetInfoResponse *r)
{
    const struct listener *l;
    size_t n = 0;

    TAILQ_FOREACH (l, &net->listeners, link)
        n++;
    r->listeners = arena_array(a, n + 1, sizeof *r->listeners);
    TAILQ_FOREACH (l, &net->listeners, link) {
        char text[ADDRESS_TEXT_MAX];

        address_text(&l->address, text);
        if (!r->listeners || !(r->listeners[r->n_listeners++] = arena_string(a, bytes_of(text))))
            return -1;
    }
    return 0;
}

static int list_limits(struct arena *a, Guest__V1__GetInfoResponse *r)
{
    Guest__V1__Limit *all = arena_array(a, ARRAY_LEN(limits), sizeof *all);

    r->limits = arena_array(a, ARRAY_LEN(limits), sizeof *r->limits);
    if (!all || !r->limits)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        guest__v1__limit__init(&all[i]);
        all[i].name = (char *)(uintptr_t)limits[i].name;
        all[i].value = limits[i].value;
        all[i].unit = (char *)(uintptr_t)limits[i].unit;
        r->limits[r->n_limits++] = &all[i];
    }
    return 0;
}

static Google__Protobuf__Timestamp timestamp_of(struct timespec t)
{
    Google__Protobuf__Timestamp stamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

    stamp.seconds = t.tv_sec;
    stamp.nanos = (int32_t)t.tv_nsec;
    return stamp;
}

enum rpc_taken agent_get_info(struct rpc_call *call, const ProtobufCMessage *m)
{
    const struct system *s = rpc_context(call);
    const struct net *net = s->http->net;
    Guest__V1__GetInfoResponse r = GUEST__V1__GET_INFO_RESPONSE__INIT;
    Guest__V1__Kernel kernel = GUEST__V1__KERNEL__INIT;
    Google__Protobuf__Timestamp started, now;
    const struct cgroups *cgroups = s->execs->cgroups;
    struct arena arena = {.max = MIB};
    struct utsname uts;
    char boot_id[37]; /* without its newline */

    (void)m;
    uname(&uts);
    fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id);
    kernel.release = uts.release;
    kernel.machine = uts.machine;
    kernel.boot_id = boot_id;
    started = timestamp_of(s->started_at);
    now = timestamp_of(clock_wall());
    r.version = (char *)(uintptr_t)build_version();
    r.told_version = (char *)(uintptr_t)version_told(s->http, s->compat);
    r.commit = (char *)(uintptr_t)build_commit();
    r.compat = (char *)(uintptr_t)compat_name(s->compat);
    r.features = (char **)(uintptr_t)version_features(&r.n_features);
    r.kernel = &kernel;
    r.started_at = &started;
    r.pid = (uint32_t)getpid();
    r.generation = net->generation;
    r.now = &now;
    if (cgroups_open(s->execs->cgroups))
        r.cgroup_root = (char *)(uintptr_t)cgroups->root;
    else
        r.cgroup_problem = (char *)(uintptr_t)cgroups->why.text;
    if (list_listeners(net, &arena, &r) < 0 || list_limits(&arena, &r) < 0) {
        struct err e;

        err_nomem(&e, "describe the agent");
        rpc_finish(call, &e);
    } else {
        rpc_reply(call, &r.base);
    }
    arena_clear(&arena);
    return RPC_NEXT;
}
