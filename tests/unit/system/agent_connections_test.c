/* ListConnections: what is told of each, and pages. */
#include "rig.h"
#include "test.h"

#include "core/limits.h"
#include "guest/v1/agent.pb-c.h"
#include "rpc/rpc.h"

static char told[1024];
static uint64_t last_id;
static size_t count;
static bool more;

static void reply_seen(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Guest__V1__ListConnectionsResponse *r = (const Guest__V1__ListConnectionsResponse *)m;
    size_t n = 0;

    (void)call;
    told[0] = 0;
    count = r->n_connections;
    more = r->more;
    for (size_t i = 0; i < r->n_connections; i++) {
        const Guest__V1__Connection *c = r->connections[i];

        last_id = c->id;
        if (n < sizeof told)
            n += (size_t)snprintf(told + n, sizeof told - n, "%s %s %s cid%d uid%d %s %llu\n", c->listener,
                                  c->protocol, c->state, c->_peer_cid_case ? (int)c->peer_cid : -1,
                                  c->_peer_uid_case ? (int)c->peer_uid : -1, c->idle ? "idle" : "busy",
                                  (unsigned long long)c->unsent_bytes);
    }
}

static void *context;

#define rpc_reply(call, m) reply_seen(call, m)
#define rpc_context(call)  context

#include "system/agent_connections.c"

#undef rpc_reply
#undef rpc_context

static struct net net;
static struct http http = {.net = &net};
static struct system system_ = {.http = &http};
static struct listener vsock, local;
static const struct net_protocol h2 = {.name = "http2"};

static int setup(void **state)
{
    struct err e;

    (void)state;
    context = &system_;
    memset(&net, 0, sizeof net);
    TAILQ_INIT(&net.conns);
    return address_parse("vsock:49983", &vsock.address, &e) < 0
               ? -1
               : address_parse("unix:/s", &local.address, &e);
}

static void add(struct conn *c, struct listener *l)
{
    c->net = &net;
    c->listener = l;
    c->id = ++net.last_id;
    c->protocol = &h2;
    net.count++;
    TAILQ_INSERT_TAIL(&net.conns, c, link);
}

static void ask(uint64_t after)
{
    Guest__V1__ListConnectionsRequest m = GUEST__V1__LIST_CONNECTIONS_REQUEST__INIT;

    m.after = after;
    assert_int_equal(agent_list_connections(NULL, &m.base), RPC_NEXT);
}

static void each_peer_is_told_by_its_kind(void **state)
{
    struct conn host = {.peer = {.transport = TRANSPORT_VSOCK, .cid = 2, .port = 5},
                        .timeout_in = &net.idle,
                        .tail = {.bytes = 3}},
                user = {.peer = {.transport = TRANSPORT_UNIX, .uid = 7, .known = true},
                        .phase = CONN_FINISHING},
                dead = {.phase = CONN_DEAD}, raw = {.phase = CONN_OPEN};

    (void)state;
    add(&host, &vsock);
    add(&user, &local);
    add(&dead, &local);
    net.count--; /* as conn_abort does */
    add(&raw, &local);
    raw.protocol = NULL;
    ask(0);
    assert_string_equal(told, "vsock:49983 http2 open cid2 uid-1 idle 3\n"
                              "unix:/s http2 finishing cid-1 uid7 busy 0\n");
    assert_false(more);
}

static void a_page_ends_where_the_next_begins(void **state)
{
    static struct conn many[CONNECTIONS_PAGE + 2];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        add(&many[i], &local);
    ask(0);
    assert_int_equal(count, CONNECTIONS_PAGE);
    assert_true(more);
    ask(last_id);
    assert_int_equal(count, 2);
    assert_int_equal(last_id, ARRAY_LEN(many));
    assert_false(more);
    ask(last_id);
    assert_int_equal(count, 0);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_peer_is_told_by_its_kind),
        T(a_page_ends_where_the_next_begins),
    };

    return RUN(tests);
}
