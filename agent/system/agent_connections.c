#include "core/arena.h"
#include "core/clock.h"
#include "core/limits.h"
#include "guest/v1/agent.pb-c.h"
#include "system/system.h"

/* guest.v1.Agent/ListConnections. */

static const char *const states[] = {
    [CONN_OPEN] = "open",
    [CONN_FINISHING] = "finishing",
    [CONN_LINGERING] = "lingering",
};

static void describe_peer(const struct peer *p, Guest__V1__Connection *m)
{
    if (p->transport == TRANSPORT_VSOCK) {
        m->_peer_cid_case = GUEST__V1__CONNECTION___PEER_CID_PEER_CID;
        m->peer_cid = p->cid;
        m->_peer_port_case = GUEST__V1__CONNECTION___PEER_PORT_PEER_PORT;
        m->peer_port = p->port;
    }
    if (p->known) {
        m->_peer_uid_case = GUEST__V1__CONNECTION___PEER_UID_PEER_UID;
        m->peer_uid = p->uid;
    }
}

/* The connection as a message in the arena; NULL when out of memory. */
static Guest__V1__Connection *describe(const struct conn *c, uint64_t now, struct arena *a)
{
    Guest__V1__Connection *m = arena_array(a, 1, sizeof *m);
    char listener[ADDRESS_TEXT_MAX];

    if (!m)
        return NULL;
    guest__v1__connection__init(m);
    address_text(&c->listener->address, listener);
    m->id = c->id;
    m->listener = arena_string(a, bytes_of(listener));
    m->protocol = (char *)(uintptr_t)c->protocol->name;
    m->state = (char *)(uintptr_t)states[c->phase];
    m->idle = c->timeout_in == &c->net->idle;
    m->age_ms = now - c->opened_ms;
    m->unsent_bytes = c->out.bytes + c->tail.bytes;
    describe_peer(&c->peer, m);
    return m->listener ? m : NULL;
}

/* Fills a page. Returns 0, or -1 when out of memory. */
static int list(const struct net *net, uint64_t after, struct arena *a, Guest__V1__ListConnectionsResponse *r)
{
    uint64_t now = clock_mono_ms();
    const struct conn *c;

    r->connections = arena_array(a, MIN(net->count, CONNECTIONS_PAGE) + 1, sizeof(Guest__V1__Connection *));
    if (!r->connections)
        return -1;
    TAILQ_FOREACH (c, &net->conns, link) {
        if (c->id <= after || !c->protocol || c->phase == CONN_DEAD)
            continue;
        if (r->n_connections == CONNECTIONS_PAGE) {
            r->more = true;
            return 0;
        }
        r->connections[r->n_connections] = describe(c, now, a);
        if (!r->connections[r->n_connections++])
            return -1;
    }
    return 0;
}

enum rpc_taken agent_list_connections(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Guest__V1__ListConnectionsRequest *request = (const Guest__V1__ListConnectionsRequest *)m;
    const struct system *s = rpc_context(call);
    Guest__V1__ListConnectionsResponse r = GUEST__V1__LIST_CONNECTIONS_RESPONSE__INIT;
    struct arena arena = {.max = MIB};
    struct err e;

    if (list(s->http->net, request->after, &arena, &r) < 0) {
        err_nomem(&e, "list the connections");
        rpc_finish(call, &e);
    } else {
        rpc_reply(call, &r.base);
    }
    arena_clear(&arena);
    return RPC_NEXT;
}
