/* The sockets of the DHCP client, on both ends of a pair of links. */
#include "init/space.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include "init/dhcp_socket.h"

static const struct dhcp_request discover = {.type = DHCP_DISCOVER, .xid = 5, .mac = {2, 0, 0, 0, 0, 7}};

static int begin(void)
{
    return system("ip link add eth0 type veth peer name peer0 && ip link set eth0 up && ip link set peer0 up "
                  "&& echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 "
                  "&& echo 1 >/proc/sys/net/ipv4/conf/all/accept_local" /* both ends are in one namespace */);
}

static bool is_readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, ms) == 1;
}

/* An answer to the client's port, of a host with an address on the other end. */
static int answer_from_peer(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_BROADCAST)}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    NEED(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "peer0", 5) == 0);
    NEED(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &(int){1}, sizeof(int)) == 0);
    NEED(sendto(fd, "answer", 6, 0, (struct sockaddr *)&to, sizeof to) == 6);
    close(fd);
    return 0;
}

/* Without any address: out to all, and in only what comes to the client's port. */
static int by_packets(void)
{
    struct err e;
    struct bytes message;
    char in[1500];
    int fd, peer;
    ssize_t n;

    NEED(begin() == 0);
    fd = dhcp_open_packet((int)if_nametoindex("eth0"), &e);
    peer = dhcp_open_udp("peer0", &e);
    NEED(fd >= 0 && peer >= 0);
    close(peer);
    /* A server would listen on port 67. */
    peer = socket(AF_INET, SOCK_DGRAM, 0);
    NEED(bind(peer, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(67)},
              sizeof(struct sockaddr_in)) == 0);
    NEED(dhcp_send_packet(fd, (int)if_nametoindex("eth0"), &discover) == 0);
    NEED(is_readable(peer, 5000));
    n = recv(peer, in, sizeof in, 0);
    NEED(n > 240 && in[0] == 1 && in[7] == 5);
    NEED(answer_from_peer(69) == 0);
    NEED(answer_from_peer(68) == 0);
    NEED(is_readable(fd, 5000));
    n = recv(fd, in, sizeof in, 0);
    NEED(n > 0 && dhcp_unwrap((struct bytes){in, (size_t)n}, &message) && bytes_are(message, "answer"));
    NEED(!is_readable(fd, 50)); /* what went to the other port did not come in */
    return 0;
}

static int by_udp(void)
{
    struct err e;
    char in[1500];
    int fd, server;

    NEED(begin() == 0);
    NEED(system("ip addr add 10.0.0.5/24 dev eth0") == 0);
    fd = dhcp_open_udp("eth0", &e);
    NEED(fd >= 0);
    server = socket(AF_INET, SOCK_DGRAM, 0);
    NEED(bind(server, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(67)},
              sizeof(struct sockaddr_in)) == 0);
    NEED(dhcp_send_udp(fd, (struct in_addr){htonl(INADDR_BROADCAST)}, &discover) == 0);
    NEED(is_readable(server, 5000) && recv(server, in, sizeof in, 0) > 240);
    NEED(answer_from_peer(68) == 0);
    NEED(is_readable(fd, 5000) && recv(fd, in, sizeof in, 0) == 6);
    return 0;
}

static int without_interface(void)
{
    struct err e;

    NEED(dhcp_open_packet(99, &e) == -1 && strstr(e.text, "packet socket: "));
    NEED(dhcp_open_udp("eth9", &e) == -1 && strstr(e.text, "UDP port 68: "));
    return 0;
}

static void packets_go_without_an_address(void **state)
{
    (void)state;
    run_in_space(by_packets);
}

static void udp_goes_with_one(void **state)
{
    (void)state;
    run_in_space(by_udp);
}

static void an_interface_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    run_in_space(without_interface);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_go_without_an_address),
        cmocka_unit_test(udp_goes_with_one),
        cmocka_unit_test(an_interface_that_is_not_there_is_an_error),
    };

    return RUN(tests);
}
