#include "system/system.h"

#include "core/clock.h"
#include "guest/v1/agent.pb-c.h"

static const struct rpc_method methods[] = {
    {
        .name = "GetInfo",
        .kind = RPC_UNARY,
        .flags = RPC_CONTROL,
        .input = &guest__v1__get_info_request__descriptor,
        .output = &guest__v1__get_info_response__descriptor,
        .message = agent_get_info,
    },
    {
        .name = "GetBoot",
        .kind = RPC_UNARY,
        .flags = RPC_CONTROL,
        .input = &guest__v1__get_boot_request__descriptor,
        .output = &guest__v1__get_boot_response__descriptor,
        .message = agent_get_boot,
    },
    {
        .name = "GetLog",
        .kind = RPC_UNARY,
        .flags = RPC_CONTROL,
        .input = &guest__v1__get_log_request__descriptor,
        .output = &guest__v1__get_log_response__descriptor,
        .message = agent_get_log,
    },
    {
        .name = "ListConnections",
        .kind = RPC_UNARY,
        .flags = RPC_CONTROL,
        .input = &guest__v1__list_connections_request__descriptor,
        .output = &guest__v1__list_connections_response__descriptor,
        .message = agent_list_connections,
    },
};

const char *compat_name(enum compat c)
{
    return c == COMPAT_WRENN ? "wrenn" : "e2b";
}

void system_reply(struct http_exchange *x, struct writer *w)
{
    if (writer_done(w) < 0) {
        chain_clear(w->out);
        http_error(x, 500, "out of memory");
        return;
    }
    http_add(x, "Cache-Control", "no-store");
    http_reply_json(x, 200, w->out);
}

int system_init(struct system *s, struct rpc *rpc, struct settings *settings, struct execs *execs,
                struct freezer *freezer, struct jobs *workers, struct boot *boot, enum compat compat)
{
    const unsigned of_host = HTTP_CONTROL | HTTP_HOST;
    const struct http_route routes[] = {
        {.method = "GET",
         .path = "/health",
         .flags = HTTP_PUBLIC | HTTP_CONTROL,
         .begin = health_begin,
         .arg = s},
        {.method = "POST",
         .path = "/init",
         .flags = HTTP_PUBLIC | HTTP_CONTROL | HTTP_HOST,
         .begin = init_begin,
         .arg = s},
        {.method = "GET", .path = "/envs", .begin = envs_begin, .arg = s},
        {.method = "GET", .path = "/metrics", .flags = HTTP_CONTROL, .begin = metrics_begin, .arg = s},
        {.method = "POST", .path = "/freeze", .flags = of_host, .begin = freeze_begin, .arg = s},
        {.method = "POST", .path = "/unfreeze", .flags = of_host, .begin = unfreeze_begin, .arg = s},
        {.method = "POST", .path = "/fsfreeze", .flags = of_host, .begin = fsfreeze_begin, .arg = s},
        {.method = "POST", .path = "/fsthaw", .flags = of_host, .begin = fsthaw_begin, .arg = s},
        {.method = "POST", .path = "/collapse", .flags = of_host, .begin = collapse_begin, .arg = s},
    };

    *s = (struct system){
        .settings = settings,
        .execs = execs,
        .freezer = freezer,
        .workers = workers,
        .boot = boot,
        .http = rpc->http,
        .compat = compat,
        .started_at = clock_wall(),
        .service = {.name = "guest.v1.Agent", .methods = methods, .count = ARRAY_LEN(methods), .context = s},
    };
    identity_init(&s->identity, rpc->loop, settings, workers, compat);
    init_work_init(&s->init_work, rpc->loop, workers);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        if (http_route_add(rpc->http, &routes[i]) < 0)
            return -1;
    return rpc_register(rpc, &s->service);
}

void system_destroy(struct system *s)
{
    identity_destroy(&s->identity);
    init_work_destroy(&s->init_work);
}
