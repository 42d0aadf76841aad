/* The DHCP client's states, with a server and a clock of ours. */
#include "test.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"

static uint64_t now_ms;
#define clock_mono_ms() now_ms
#include "init/dhcp.c"
#undef clock_mono_ms

#include "init/dhcp_rig.h"

/* What the client did, a word each. */
static struct {
    struct loop loop;
    struct dhcp dhcp;
    char did[512];
    struct dhcp_request said;
    struct in_addr to;
    int peer;
    bool no_socket;
    struct answer answer;
} t;

static const struct rtnl_link link_ = {
    .index = 2, .name = "eth0", .has_mac = true, .mac = {2, 0, 0, 0, 0, 7}};

static void did(const char *word)
{
    strcat(strcat(t.did, t.did[0] ? " " : ""), word);
}

static void did_only(const char *words)
{
    assert_string_equal(t.did, words);
    t.did[0] = 0;
}

static int open_pair(const char *word, struct err *e)
{
    int fds[2];

    if (t.no_socket)
        return err_set(e, STATUS_INTERNAL, 0, "no socket");
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    if (t.peer >= 0)
        close(t.peer);
    t.peer = fds[1];
    did(word);
    return fds[0];
}

int dhcp_open_packet(int ifindex, struct err *e)
{
    assert_int_equal(ifindex, 2);
    return open_pair("packet", e);
}

int dhcp_open_udp(const char *dev, struct err *e)
{
    assert_string_equal(dev, "eth0");
    return open_pair("udp", e);
}

static int say(const struct dhcp_request *r)
{
    t.said = *r;
    did(r->type == DHCP_DISCOVER ? "discover" : "request");
    return 0;
}

int dhcp_send_packet(int fd, int ifindex, const struct dhcp_request *r)
{
    assert_true(fd >= 0 && ifindex == 2);
    t.to.s_addr = htonl(INADDR_BROADCAST);
    return say(r);
}

int dhcp_send_udp(int fd, struct in_addr to, const struct dhcp_request *r)
{
    assert_true(fd >= 0);
    t.to = to;
    return say(r);
}

bool dhcp_lease_is_same(const struct dhcp_lease *x, const struct dhcp_lease *y)
{
    return x->address.s_addr == y->address.s_addr && x->mtu == y->mtu;
}

void dhcp_lease_add(const struct dhcp_lease *lease, const struct rtnl_link *link, bool take_mtu,
                    void (*failed)(void *arg, const struct err *e), void *arg)
{
    (void)failed;
    assert_true(lease->address.s_addr != 0 && link == &link_ && take_mtu && arg == &t.dhcp);
    did("add");
}

void dhcp_lease_remove(const struct dhcp_lease *lease, const struct rtnl_link *link,
                       void (*failed)(void *arg, const struct err *e), void *arg)
{
    (void)failed;
    assert_true(lease->address.s_addr != 0 && link == &link_ && arg == &t.dhcp);
    did("remove");
}

static void leased(struct dhcp *d)
{
    assert_ptr_equal(d, &t.dhcp);
    did("leased");
}

static void problem(struct dhcp *d, const struct err *e)
{
    assert_ptr_equal(d, &t.dhcp);
    did(e->text);
}

static int setup(void **state)
{
    static const struct dhcp_events events = {leased, problem};

    (void)state;
    memset(&t, 0, sizeof t);
    t.peer = -1;
    now_ms = 1000000;
    if (loop_init(&t.loop) < 0)
        return -1;
    dhcp_start(&t.dhcp, &t.loop, &link_, true, &events);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_socket(&t.dhcp);
    ev_timer_stop(t.loop.ev, &t.dhcp.timer);
    close(t.peer);
    loop_destroy(&t.loop);
    return 0;
}

/* How long the timer was set for, in ms; 0: there is none. */
static uint64_t timer_ms(void)
{
    return ev_is_active(&t.dhcp.timer) ? (uint64_t)(ev_timer_remaining(t.loop.ev, &t.dhcp.timer) * 1000 + 0.5)
                                       : 0;
}

static void timer_is(uint64_t min, uint64_t max)
{
    assert_true(ev_is_active(&t.dhcp.timer));
    assert_in_range(timer_ms() + 2, min, max + 4); /* the loop's own clock goes on meanwhile */
}

static void after(uint64_t ms)
{
    now_ms += ms;
    ev_timer_stop(t.loop.ev, &t.dhcp.timer);
    on_timer(t.loop.ev, &t.dhcp.timer, EV_TIMER);
}

static void answer(enum dhcp_type type, const char *address, uint32_t end_s)
{
    answer_lease(&t.answer, type, t.dhcp.xid, address, end_s);
    take_message(&t.dhcp, answer_bytes(&t.answer));
}

static void get_lease(uint32_t end_s)
{
    answer(DHCP_OFFER, "10.0.0.5", end_s);
    answer(DHCP_ACK, "10.0.0.5", end_s);
    assert_int_equal(t.dhcp.state, DHCP_BOUND);
    did_only("packet discover request add leased");
}

static void a_lease_is_got_in_four_messages(void **state)
{
    (void)state;
    did_only("packet discover");
    answer(DHCP_OFFER, "10.0.0.5", 3600);
    did_only("request");
    assert_int_equal(t.said.wanted.s_addr, inet_addr("10.0.0.5"));
    assert_int_equal(t.said.server_id.s_addr, inet_addr("10.0.0.1"));
    assert_int_equal(t.said.own.s_addr, 0);
    answer(DHCP_ACK, "10.0.0.5", 3600);
    did_only("add leased");
    assert_int_equal(t.dhcp.state, DHCP_BOUND);
    assert_int_equal(t.dhcp.fd, -1); /* nobody's packets wake us now */
    timer_is(1800 * 1000, 1800 * 1000);
}

static void a_lease_without_end_has_no_timer(void **state)
{
    (void)state;
    get_lease(DHCP_FOREVER);
    assert_int_equal(timer_ms(), 0);
    assert_int_equal(t.dhcp.fd, -1);
}

static void pauses_double_up_to_a_minute(void **state)
{
    (void)state;
    for (uint64_t ms = 1000, i = 0; i < 9; i++) {
        timer_is(ms - ms / 4, ms + ms / 4);
        after(ms);
        ms = MIN(2 * ms, (uint64_t)64000);
    }
}

static void silence_is_told_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        after(1000);
    did_only("packet discover discover discover discover");
    after(1000);
    did_only("discover no server has answered yet");
    for (int i = 0; i < 4; i++)
        after(1000);
    did_only("discover discover discover discover");
    assert_int_equal(t.said.secs, 8);
}

static void an_offer_that_is_not_kept_is_forgotten(void **state)
{
    (void)state;
    answer(DHCP_OFFER, "10.0.0.5", 3600);
    did_only("packet discover request");
    for (int i = 1; i < DHCP_REQUESTS_MAX; i++)
        after(1000);
    did_only("request request request");
    after(1000);
    did_only("packet discover");
    assert_int_equal(t.dhcp.state, DHCP_SELECTING);
}

static void an_ack_of_another_server_is_not_ours(void **state)
{
    (void)state;
    answer(DHCP_OFFER, "10.0.0.5", 3600);
    answer_lease(&t.answer, DHCP_ACK, t.dhcp.xid, "10.0.0.5", 3600);
    t.answer.bytes[245 + 3] = 9; /* the last byte of option 54 */
    take_message(&t.dhcp, answer_bytes(&t.answer));
    assert_int_equal(t.dhcp.state, DHCP_REQUESTING);
    answer(DHCP_ACK, "10.0.0.5", 3600);
    assert_int_equal(t.dhcp.state, DHCP_BOUND);
}

static void a_nak_begins_anew_after_a_pause(void **state)
{
    uint32_t xid = t.dhcp.xid;

    (void)state;
    answer(DHCP_OFFER, "10.0.0.5", 3600);
    answer(DHCP_NAK, "0.0.0.0", 0);
    did_only("packet discover request");
    assert_int_equal(t.dhcp.fd, -1);
    assert_true(timer_ms() > 500);
    after(1000);
    did_only("packet discover");
    assert_true(t.dhcp.xid != xid);
}

static void a_lease_is_renewed_with_its_server(void **state)
{
    (void)state;
    get_lease(3600);
    after(1800 * 1000);
    did_only("udp request");
    assert_int_equal(t.dhcp.state, DHCP_RENEWING);
    assert_int_equal(t.to.s_addr, inet_addr("10.0.0.1"));
    assert_int_equal(t.said.own.s_addr, inet_addr("10.0.0.5"));
    assert_int_equal(t.said.wanted.s_addr, 0);
    assert_int_equal(t.said.server_id.s_addr, 0);
    timer_is(675 * 1000, 675 * 1000); /* half of what is left until 7/8 */
    answer(DHCP_ACK, "10.0.0.5", 3600);
    did_only(""); /* nothing has changed */
    assert_int_equal(t.dhcp.state, DHCP_BOUND);
    timer_is(1800 * 1000, 1800 * 1000);
    assert_int_equal(t.dhcp.fd, -1);
}

static void a_lease_that_changed_is_set_up_anew(void **state)
{
    (void)state;
    get_lease(3600);
    after(1800 * 1000);
    answer_lease(&t.answer, DHCP_ACK, t.dhcp.xid, "10.0.0.5", 3600);
    answer_put(&t.answer, 26, "\5\x78", 2);
    take_message(&t.dhcp, answer_bytes(&t.answer));
    did_only("udp request remove add leased");
}

static void a_silent_servers_lease_is_asked_for_everywhere(void **state)
{
    (void)state;
    get_lease(3600);
    after(1800 * 1000);
    after(1350 * 1000);
    did_only("udp request request");
    assert_int_equal(t.dhcp.state, DHCP_REBINDING);
    assert_int_equal(t.to.s_addr, htonl(INADDR_BROADCAST));
    assert_int_equal(t.said.own.s_addr, inet_addr("10.0.0.5"));
    timer_is(225 * 1000, 225 * 1000);
    after(225 * 1000);
    timer_is(112 * 1000, 113 * 1000);
    answer(DHCP_ACK, "10.0.0.5", 3600);
    assert_int_equal(t.dhcp.state, DHCP_BOUND);
}

static void a_lease_ends(void **state)
{
    (void)state;
    get_lease(3600);
    after(1800 * 1000);
    after(1350 * 1000);
    t.did[0] = 0;
    after(450 * 1000);
    did_only("remove 10.0.0.5 is lost: nobody renewed it packet discover");
    assert_int_equal(t.dhcp.state, DHCP_SELECTING);
    assert_false(t.dhcp.has_lease);
}

static void a_lease_is_taken_back(void **state)
{
    (void)state;
    get_lease(3600);
    after(1800 * 1000);
    t.did[0] = 0;
    answer(DHCP_NAK, "0.0.0.0", 0);
    did_only("remove 10.0.0.5 is lost: the server took it back packet discover");
}

/* However short: not more often than once a second. */
static void a_short_lease_is_no_storm(void **state)
{
    (void)state;
    get_lease(1);
    timer_is(1000, 1000);
}

static void the_lease_counts_from_the_request(void **state)
{
    (void)state;
    answer(DHCP_OFFER, "10.0.0.5", 100);
    now_ms += 20000;
    answer(DHCP_ACK, "10.0.0.5", 100);
    timer_is(30000, 30000);
}

static void no_socket_is_told_and_tried_again(void **state)
{
    (void)state;
    close_socket(&t.dhcp);
    t.no_socket = true;
    t.did[0] = 0;
    after(1000);
    after(1000);
    did_only("no socket");
    t.no_socket = false;
    after(1000);
    did_only("packet discover");
}

/* Through the socket: what is no answer is passed over. */
static void messages_come_by_the_socket(void **state)
{
    (void)state;
    get_lease(3600);
    after(1800 * 1000);
    assert_int_equal(send(t.peer, "nonsense", 8, 0), 8);
    assert_int_equal(send(t.peer, "", 0, 0), 0);
    answer_lease(&t.answer, DHCP_ACK, t.dhcp.xid, "10.0.0.5", 3600);
    assert_true(send(t.peer, t.answer.bytes, t.answer.len, 0) > 0);
    on_readable(t.loop.ev, &t.dhcp.readable, EV_READ);
    assert_int_equal(t.dhcp.state, DHCP_BOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_lease_is_got_in_four_messages),
        TEST(a_lease_without_end_has_no_timer),
        TEST(pauses_double_up_to_a_minute),
        TEST(silence_is_told_once),
        TEST(an_offer_that_is_not_kept_is_forgotten),
        TEST(an_ack_of_another_server_is_not_ours),
        TEST(a_nak_begins_anew_after_a_pause),
        TEST(a_lease_is_renewed_with_its_server),
        TEST(a_lease_that_changed_is_set_up_anew),
        TEST(a_silent_servers_lease_is_asked_for_everywhere),
        TEST(a_lease_ends),
        TEST(a_lease_is_taken_back),
        TEST(a_short_lease_is_no_storm),
        TEST(the_lease_counts_from_the_request),
        TEST(no_socket_is_told_and_tried_again),
        TEST(messages_come_by_the_socket),
    };

    return RUN(tests);
}
