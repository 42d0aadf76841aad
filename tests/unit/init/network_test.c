/* The interfaces of a configuration, in a network namespace. */
#include "init/space.h"

#include "init/network.c"

static struct network network;
static struct boot boot;
static struct config config;
static struct loop loop;

static void take(const char *text)
{
    boot_begin(&boot);
    config_init(&config);
    config_take_text(&config, "f", bytes_of(text));
}

static int add_link(const char *name, const char *mac)
{
    char command[256];

    snprintf(command, sizeof command,
             "ip link add %s address %s type veth peer name peer-%s && ip link set peer-%s up", name, mac,
             name, name);
    return system(command);
}

static bool has(const char *command, const char *text)
{
    return strstr(output_of(command), text) != NULL;
}

static int only_lo(void)
{
    take("");
    network_up(&network, &config, &boot);
    NEED(has("ip -o link show lo", "LOOPBACK,UP") && boot.problem_count == 0);
    return 0;
}

static int by_name_and_hardware_address(void)
{
    NEED(add_link("eth0", "02:00:00:00:00:0a") == 0 && add_link("eth1", "02:00:00:00:00:0b") == 0 &&
         add_link("eth2", "02:00:00:00:00:0c") == 0);
    take("net * address=10.3.0.2/24\nnet eth2 address=10.2.0.2/24 gateway=10.2.0.1 mtu=1400\n"
         "net 02:00:00:00:00:0B address=10.1.0.2/24 route=10.9.0.0/16@10.1.0.1#7\n");
    network_up(&network, &config, &boot);
    NEED(boot.problem_count == 0 && network.missing == 0);
    NEED(has("ip -4 -o addr show eth1", "10.1.0.2/24") && has("ip -4 -o addr show eth2", "10.2.0.2/24"));
    NEED(has("ip -4 -o addr", "10.3.0.2/24"));
    NEED(has("ip -o link show eth2", "mtu 1400"));
    NEED(has("ip route", "default via 10.2.0.1 dev eth2 proto static"));
    NEED(has("ip route", "10.9.0.0/16 via 10.1.0.1 dev eth1 proto static metric 7"));
    return 0;
}

/* What E2B gives its sandboxes, and an address alone. */
static int small_networks(void)
{
    NEED(add_link("eth0", "02:00:00:00:00:0a") == 0 && add_link("eth1", "02:00:00:00:00:0b") == 0);
    take("net eth0 address=169.254.0.21/30 gateway=169.254.0.22\n"
         "net eth1 address=fd00::5/128 gateway=fe80::1 address=192.0.2.5/32 "
         "route=198.51.100.0/24@203.0.113.1\n");
    network_up(&network, &config, &boot);
    NEED(boot.problem_count == 0);
    NEED(has("ip route", "default via 169.254.0.22 dev eth0 proto static"));
    NEED(has("ip route", "198.51.100.0/24 via 203.0.113.1 dev eth1 proto static onlink"));
    NEED(has("ip -6 route", "default via fe80::1 dev eth1 proto static"));
    return 0;
}

static int as_the_kernel_did_already(void)
{
    NEED(add_link("eth0", "02:00:00:00:00:0a") == 0);
    NEED(
        system(
            "ip link set eth0 up && ip addr add 10.0.0.2/24 dev eth0 && ip route add default via 10.0.0.1") ==
        0);
    take("net eth0 address=10.0.0.2/24 gateway=10.0.0.1\n");
    network_up(&network, &config, &boot);
    NEED(boot.problem_count == 0);
    return 0;
}

/* ip= alone, on a kernel without CONFIG_IP_PNP. */
static int by_the_kernels_word(void)
{
    NEED(add_link("eth0", "02:00:00:00:00:0a") == 0);
    boot_begin(&boot);
    config_init(&config);
    config_take_cmdline(&config, BYTES_LIT("quiet ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off ro"));
    network_up(&network, &config, &boot);
    NEED(boot.problem_count == 0 && has("ip -4 -o addr show eth0", "10.0.0.2/24"));
    NEED(has("ip route", "default via 10.0.0.1 dev eth0 proto static"));
    return 0;
}

static int with_mistakes(void)
{
    char text[1024] = "net lo address=10.0.0.2/24\nnet eth0 mtu=65536 address=10.1.0.1/24\n";

    NEED(add_link("eth0", "02:00:00:00:00:0a") == 0);
    for (int i = 0; i < NET_PORTS_MAX; i++)
        snprintf(text + strlen(text), 16, "net x%d\n", i);
    take(text);
    network_up(&network, &config, &boot);
    NEED(boot.problem_count == 3 && network.missing == NET_PORTS_MAX - 2);
    NEED(strcmp(boot.problems[0], "network: net x14: there are more than 16") == 0);
    NEED(strstr(boot.problems[2], "network: set the MTU of eth0 to 65536: "));
    NEED(has("ip -4 -o addr show eth0", "10.1.0.1/24")); /* the rest is done */
    return 0;
}

static void leased(void *arg, const struct dhcp_lease *lease)
{
    (void)arg;
    (void)lease;
}

/* Until nothing is waited for, or the limit. */
static void serve(double seconds)
{
    ev_now_update(loop.ev);
    for (ev_tstamp end = ev_now(loop.ev) + seconds; network.events.fd >= 0 && ev_now(loop.ev) < end;)
        ev_run(loop.ev, EVRUN_ONCE);
}

/* One that comes while the agent serves: up at once, and nothing is left over. */
static int late(void)
{
    NEED(loop_init(&loop) == 0 && add_link("eth0", "02:00:00:00:00:0a") == 0);
    take("net eth0 address=10.0.0.2/24\nnet eth1 address=10.1.0.2/24\nnet eth2 address=10.2.0.2/24\n");
    network_up(&network, &config, &boot);
    NEED(network.missing == 2);
    NEED(add_link("eth2", "02:00:00:00:00:0c") == 0); /* before it listens */
    network_serve(&network, &loop, leased, NULL);
    NEED(has("ip -4 -o addr show eth2", "10.2.0.2/24") && network.missing == 1);
    NEED(add_link("eth1", "02:00:00:00:00:0b") == 0);
    serve(5);
    NEED(has("ip -4 -o addr show eth1", "10.1.0.2/24") && network.missing == 0);
    NEED(network.events.fd == -1 && !ev_is_active(&network.patience));
    NEED(boot.problem_count == 0);
    return 0;
}

static int never(void)
{
    NEED(loop_init(&loop) == 0);
    take("net eth7 dhcp\n");
    network_up(&network, &config, &boot);
    network_serve(&network, &loop, leased, NULL);
    NEED(ev_timer_remaining(loop.ev, &network.patience) > NET_WAIT_MS / 1000.0 - 1);
    on_patience(loop.ev, &network.patience, EV_TIMER);
    NEED(boot.problem_count == 1);
    NEED(strcmp(boot.problems[0], "network: net eth7: there is no such interface") == 0);
    NEED(network.events.fd == -1 && !ev_is_active(&network.patience));
    return 0;
}

IN_SPACE(lo_is_up_always, only_lo)
IN_SPACE(interfaces_are_found_by_name_and_hardware_address, by_name_and_hardware_address)
IN_SPACE(gateways_are_reached_from_the_smallest_networks, small_networks)
IN_SPACE(what_the_kernel_did_is_fine, as_the_kernel_did_already)
IN_SPACE(the_kernels_word_is_enough, by_the_kernels_word)
IN_SPACE(mistakes_are_told_and_the_rest_is_done, with_mistakes)
IN_SPACE(an_interface_may_come_late, late)
IN_SPACE(an_interface_that_never_comes_is_told, never)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lo_is_up_always),
        cmocka_unit_test(interfaces_are_found_by_name_and_hardware_address),
        cmocka_unit_test(gateways_are_reached_from_the_smallest_networks),
        cmocka_unit_test(what_the_kernel_did_is_fine),
        cmocka_unit_test(the_kernels_word_is_enough),
        cmocka_unit_test(mistakes_are_told_and_the_rest_is_done),
        cmocka_unit_test(an_interface_may_come_late),
        cmocka_unit_test(an_interface_that_never_comes_is_told),
    };

    return RUN(tests);
}
