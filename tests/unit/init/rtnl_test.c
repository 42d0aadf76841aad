/* rtnetlink against the kernel, in a network namespace. */
#include "init/space.h"

#include <linux/rtnetlink.h>

#include "init/rtnl.h"

static char told[2048];

static void tell(void *arg, const struct err *e)
{
    (void)arg;
    strcat(strcat(told, e->text), "\n");
}

static struct config_prefix prefix(const char *text)
{
    struct config_prefix p;
    struct err e;

    if (config_parse_prefix(text, &p, &e) < 0)
        abort();
    return p;
}

static int index_of_eth0;

static void find_eth0(void *arg, const struct rtnl_link *link)
{
    ++*(unsigned *)arg;
    if (strcmp(link->name, "eth0") == 0)
        index_of_eth0 = link->index;
}

/* A namespace with lo, and eth0 that leads to peer0. */
static int begin(struct rtnl *r)
{
    struct err e;
    unsigned count = 0;

    *told = 0;
    NEED(system("ip link add eth0 type veth peer name peer0 && ip link set peer0 up") == 0);
    NEED(rtnl_open(r, 0, tell, NULL, &e) == 0);
    NEED(rtnl_links(r, find_eth0, &count, &e) == 0);
    NEED(count == 3 && index_of_eth0 > 0);
    return 0;
}

static void route(struct rtnl *r, const char *to, const char *via, bool on_link)
{
    struct config_route to_there = {.to = prefix(to), .has_via = via != NULL, .via = prefix(via ? via : to)};

    rtnl_add_route(r, (struct rtnl_object){index_of_eth0, "eth0"},
                   &(struct rtnl_route){.route = &to_there, .on_link = on_link, .origin = RTPROT_STATIC});
}

static int all_in_one_datagram(void)
{
    struct config_prefix a = prefix("10.0.0.2/24"), b = prefix("fd00::2/64");
    struct rtnl_object eth0;
    struct rtnl r;

    NEED(begin(&r) == 0);
    eth0 = (struct rtnl_object){index_of_eth0, "eth0"};
    rtnl_link_up(&r, (struct rtnl_object){RTNL_LO, "lo"}, 0);
    rtnl_link_up(&r, eth0, 1400);
    rtnl_add_address(&r, eth0, &a);
    rtnl_add_address(&r, eth0, &b);
    route(&r, "0.0.0.0/0", "10.0.0.1", false);
    route(&r, "::/0", "fd00::1", false);
    route(&r, "10.9.0.0/16", NULL, false);
    NEED(r.count == 8); /* nothing went out yet */
    rtnl_flush(&r);
    NEED(strcmp(told, "") == 0);
    NEED(strstr(output_of("ip -o link show lo"), "LOOPBACK,UP"));
    NEED(strstr(output_of("ip -o link show eth0"), "mtu 1400"));
    NEED(strstr(output_of("ip -4 -o addr show eth0"), "10.0.0.2/24 brd 10.0.0.255"));
    NEED(strstr(output_of("ip -6 -o addr show eth0"), "fd00::2/64 scope global nodad"));
    NEED(strstr(output_of("ip route"), "default via 10.0.0.1 dev eth0 proto static"));
    NEED(strstr(output_of("ip route"), "10.9.0.0/16 dev eth0 proto static scope link"));
    NEED(strstr(output_of("ip -6 route"), "default via fd00::1 dev eth0 proto static"));
    /* Again: all of it is there, and that is fine. */
    rtnl_add_address(&r, eth0, &a);
    rtnl_add_address(&r, eth0, &b);
    route(&r, "0.0.0.0/0", "10.0.0.1", false);
    rtnl_close(&r);
    NEED(strcmp(told, "") == 0);
    NEED(r.fd == -1);
    return 0;
}

static int an_address_goes_with_its_routes(void)
{
    struct config_prefix a = prefix("10.0.0.2/24"), b = prefix("10.0.0.3/24");
    struct config_route to = {.to = prefix("0.0.0.0/0"), .has_via = true, .via = prefix("10.0.0.1")};
    struct rtnl_object eth0;
    struct rtnl r;

    NEED(begin(&r) == 0);
    eth0 = (struct rtnl_object){index_of_eth0, "eth0"};
    rtnl_link_up(&r, eth0, 0);
    rtnl_add_address(&r, eth0, &b);
    rtnl_add_address(&r, eth0, &a);
    rtnl_add_route(&r, eth0, &(struct rtnl_route){.route = &to, .from = &a, .origin = RTPROT_DHCP});
    rtnl_flush(&r);
    NEED(strstr(output_of("ip route"), "default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.2"));
    rtnl_remove_address(&r, eth0, &a);
    rtnl_remove_address(&r, eth0, &a); /* it has gone: fine */
    rtnl_close(&r);
    NEED(strcmp(told, "") == 0);
    NEED(!strstr(output_of("ip route"), "default"));
    NEED(!strstr(output_of("ip addr"), "10.0.0.2/"));
    return 0;
}

/* A gateway that no address of the interface tells of. */
static int a_gateway_beyond_the_network(void)
{
    struct config_prefix a = prefix("169.254.0.21/32");
    struct rtnl_object eth0;
    struct rtnl r;

    NEED(begin(&r) == 0);
    eth0 = (struct rtnl_object){index_of_eth0, "eth0"};
    rtnl_link_up(&r, eth0, 0);
    rtnl_add_address(&r, eth0, &a);
    route(&r, "0.0.0.0/0", "10.1.1.1", false);
    rtnl_flush(&r);
    NEED(strcmp(told, "add route default via 10.1.1.1 on eth0: Nexthop has invalid gateway: network is "
                      "unreachable\n") == 0);
    *told = 0;
    route(&r, "0.0.0.0/0", "10.1.1.1", true);
    rtnl_close(&r);
    NEED(strcmp(told, "") == 0);
    NEED(strstr(output_of("ip route"), "default via 10.1.1.1 dev eth0 proto static onlink"));
    return 0;
}

/* One that fails keeps none of the others from being done; each failure is told. */
static int what_fails_is_named(void)
{
    struct config_prefix a = prefix("10.0.0.2/24");
    struct rtnl_object eth0, none = {999, "eth9"};
    struct rtnl r;

    NEED(begin(&r) == 0);
    eth0 = (struct rtnl_object){index_of_eth0, "eth0"};
    rtnl_add_address(&r, none, &a);
    rtnl_link_up(&r, none, 0);
    rtnl_add_address(&r, eth0, &a);
    rtnl_close(&r);
    NEED(strstr(told, "add address 10.0.0.2/24 to eth9: "));
    NEED(strstr(told, "bring eth9 up: "));
    NEED(strstr(output_of("ip -4 -o addr show eth0"), "10.0.0.2/24"));
    return 0;
}

/* More requests than one datagram takes. */
static int many(void)
{
    struct rtnl_object eth0;
    struct rtnl r;

    NEED(begin(&r) == 0);
    eth0 = (struct rtnl_object){index_of_eth0, "eth0"};
    rtnl_link_up(&r, eth0, 0);
    for (int i = 0; i < 3 * RTNL_QUEUED; i++) {
        char text[32];
        struct config_prefix a;

        snprintf(text, sizeof text, "10.0.0.%d/24", i + 2);
        a = prefix(text);
        rtnl_add_address(&r, eth0, &a);
    }
    rtnl_close(&r);
    NEED(strcmp(told, "") == 0);
    NEED(atoi(output_of("ip -4 -o addr show eth0 | wc -l")) == 3 * RTNL_QUEUED);
    return 0;
}

static int events_tell_of_new_links(void)
{
    struct rtnl r;
    struct err e;
    unsigned count = 0;

    index_of_eth0 = 0;
    NEED(rtnl_open(&r, RTMGRP_LINK, tell, NULL, &e) == 0);
    NEED(!rtnl_events(&r, find_eth0, &count) && count == 0);
    NEED(system("ip link add eth0 type veth peer name peer0 && ip link set peer0 up") == 0);
    NEED(!rtnl_events(&r, find_eth0, &count) && count > 0 && index_of_eth0 > 0);
    rtnl_close(&r);
    return 0;
}

/* Datagrams of another process are not the kernel's word. */
static int a_liar_is_not_heard(void)
{
    struct rtnl r;
    struct err e;
    unsigned count = 0;
    struct sockaddr_nl to = {.nl_family = AF_NETLINK};
    socklen_t len = sizeof to;
    int liar = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct rtnl_out out = {.len = 0};

    NEED(rtnl_open(&r, RTMGRP_LINK, tell, NULL, &e) == 0);
    NEED(getsockname(r.fd, (struct sockaddr *)&to, &len) == 0);
    rtnl_begin(&out, RTM_NEWLINK, 0, 1, &(struct ifinfomsg){.ifi_index = 5}, sizeof(struct ifinfomsg));
    NEED(sendto(liar, out.bytes, out.len, 0, (struct sockaddr *)&to, sizeof to) > 0);
    NEED(!rtnl_events(&r, find_eth0, &count) && count == 0);
    rtnl_close(&r);
    return 0;
}

IN_SPACE(links_addresses_and_routes_are_set_at_once, all_in_one_datagram)
IN_SPACE(an_address_is_removed_with_its_routes, an_address_goes_with_its_routes)
IN_SPACE(a_gateway_may_be_on_the_link_only, a_gateway_beyond_the_network)
IN_SPACE(failures_are_told_and_the_rest_is_done, what_fails_is_named)
IN_SPACE(there_may_be_more_than_one_datagram_takes, many)
IN_SPACE(new_links_are_told, events_tell_of_new_links)
IN_SPACE(others_datagrams_are_passed_over, a_liar_is_not_heard)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_addresses_and_routes_are_set_at_once),
        cmocka_unit_test(an_address_is_removed_with_its_routes),
        cmocka_unit_test(a_gateway_may_be_on_the_link_only),
        cmocka_unit_test(failures_are_told_and_the_rest_is_done),
        cmocka_unit_test(there_may_be_more_than_one_datagram_takes),
        cmocka_unit_test(new_links_are_told),
        cmocka_unit_test(others_datagrams_are_passed_over),
    };

    return RUN(tests);
}
