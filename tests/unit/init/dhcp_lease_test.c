/* A lease on an interface of a network namespace. */
#include "init/space.h"

#include <arpa/inet.h>
#include <net/if.h>

#include "init/dhcp_lease.h"

static char told[1024];

static void tell(void *arg, const struct err *e)
{
    (void)arg;
    strcat(strcat(told, e->text), "\n");
}

static struct dhcp_lease make(const char *address, uint32_t bits, const char *router)
{
    struct dhcp_lease l = {
        .address = {inet_addr(address)}, .bits = bits, .mtu = 1300, .route_count = 2, .end_s = 60};

    l.routes[0].via.s_addr = inet_addr(router);
    l.routes[1] = (struct dhcp_route){.to = {inet_addr("10.7.0.0")}, .via = {inet_addr(router)}, .bits = 16};
    return l;
}

static int begin(struct rtnl_link *link)
{
    *link = (struct rtnl_link){.name = "eth0"};
    *told = 0;
    NEED(
        system("ip link add eth0 type veth peer name peer0 && ip link set eth0 up && ip link set peer0 up") ==
        0);
    link->index = (int)if_nametoindex("eth0");
    return 0;
}

static int set_and_taken_back(void)
{
    struct dhcp_lease l = make("10.0.0.5", 24, "10.0.0.1");
    struct rtnl_link link;

    NEED(begin(&link) == 0);
    dhcp_lease_add(&l, &link, true, tell, NULL);
    NEED(strcmp(told, "") == 0);
    NEED(strstr(output_of("ip -o link show eth0"), "mtu 1300"));
    NEED(strstr(output_of("ip -4 -o addr show eth0"), "10.0.0.5/24 brd 10.0.0.255"));
    NEED(strstr(output_of("ip route"), "default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5"));
    NEED(strstr(output_of("ip route"), "10.7.0.0/16 via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5"));
    dhcp_lease_remove(&l, &link, tell, NULL);
    NEED(strcmp(told, "") == 0);
    NEED(strcmp(output_of("ip route"), "") == 0);
    NEED(strcmp(output_of("ip -4 -o addr show eth0"), "") == 0);
    return 0;
}

/* An address that is alone on its link, with a router elsewhere; the MTU is the configuration's. */
static int alone(void)
{
    struct dhcp_lease l = make("10.0.0.5", 32, "172.16.0.1");
    struct rtnl_link link;

    NEED(begin(&link) == 0);
    dhcp_lease_add(&l, &link, false, tell, NULL);
    NEED(strcmp(told, "") == 0);
    NEED(strstr(output_of("ip -o link show eth0"), "mtu 1500"));
    NEED(strstr(output_of("ip route"), "default via 172.16.0.1 dev eth0 proto dhcp src 10.0.0.5 onlink"));
    return 0;
}

static void a_lease_is_set_up_and_taken_back(void **state)
{
    (void)state;
    run_in_space(set_and_taken_back);
}

static void a_router_may_be_anywhere_on_the_link(void **state)
{
    (void)state;
    run_in_space(alone);
}

static void only_times_make_no_difference(void **state)
{
    struct dhcp_lease a = make("10.0.0.5", 24, "10.0.0.1"), b = a;

    (void)state;
    b.end_s = b.renew_s = b.rebind_s = 7;
    assert_true(dhcp_lease_is_same(&a, &b));
    strcpy(b.domain, "lan");
    assert_false(dhcp_lease_is_same(&a, &b));
    b = a;
    b.routes[1].bits = 17;
    assert_false(dhcp_lease_is_same(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_is_set_up_and_taken_back),
        cmocka_unit_test(a_router_may_be_anywhere_on_the_link),
        cmocka_unit_test(only_times_make_no_difference),
    };

    return RUN(tests);
}
