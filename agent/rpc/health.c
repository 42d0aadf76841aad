#include "rpc/health.h"

#include "grpc/health/v1/health.pb-c.h"
#include "rpc/rpc.h"

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

/* Every service that is registered serves, until the agent ends. */
static Grpc__Health__V1__HealthCheckResponse__ServingStatus status_of(struct rpc_call *call,
                                                                      const char *service)
{
    const struct rpc_service *s = NULL;

    while (*service && (s = rpc_next_service(call, s)) && strcmp(s->name, service) != 0)
        ;
    if (*service && !s)
        return STATUS(SERVICE_UNKNOWN);
    return rpc_shutting_down(call) ? STATUS(NOT_SERVING) : STATUS(SERVING);
}

static enum rpc_taken check(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Grpc__Health__V1__HealthCheckRequest *q = (const Grpc__Health__V1__HealthCheckRequest *)m;
    Grpc__Health__V1__HealthCheckResponse r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    struct err e;

    r.status = status_of(call, q->service);
    if (r.status == STATUS(SERVICE_UNKNOWN)) {
        err_set(&e, STATUS_NOT_FOUND, 0, "service '%.128s' is not known", q->service);
        rpc_finish(call, &e);
    } else {
        rpc_reply(call, &r.base);
    }
    return RPC_NEXT;
}

static enum rpc_taken watch(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Grpc__Health__V1__HealthCheckRequest *q = (const Grpc__Health__V1__HealthCheckRequest *)m;
    Grpc__Health__V1__HealthCheckResponse r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    r.status = status_of(call, q->service);
    rpc_send(call, &r.base);
    return RPC_NEXT;
}

/* The one change that there is. */
static void watch_cancel(struct rpc_call *call, enum close_reason why)
{
    Grpc__Health__V1__HealthCheckResponse r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

    r.status = STATUS(NOT_SERVING);
    if (why == CLOSE_SHUTDOWN)
        rpc_send(call, &r.base);
}

static const struct rpc_method methods[] = {
    {.name = "Check",
     .kind = RPC_UNARY,
     .flags = RPC_CONTROL | RPC_PUBLIC | RPC_IDEMPOTENT,
     .input = &grpc__health__v1__health_check_request__descriptor,
     .output = &grpc__health__v1__health_check_response__descriptor,
     .message = check},
    {.name = "Watch",
     .kind = RPC_SERVER_STREAM,
     .flags = RPC_PUBLIC,
     .input = &grpc__health__v1__health_check_request__descriptor,
     .output = &grpc__health__v1__health_check_response__descriptor,
     .message = watch,
     .cancel = watch_cancel},
};

static struct rpc_service service = {
    .name = "grpc.health.v1.Health", .methods = methods, .count = ARRAY_LEN(methods)};

int health_register(struct rpc *r)
{
    return rpc_register(r, &service);
}
