#include "init/dhcp_socket.h"

#include <errno.h>
#include <sys/socket.h>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "core/fd.h"

/* UDP to the client's port, no fragment. The packets begin with their IP header. */
static int filter_packets(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_CLIENT_PORT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {ARRAY_LEN(code), code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int dhcp_open_packet(int ifindex, struct err *e)
{
    struct sockaddr_ll self = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = ifindex};
    /* Of no protocol until it is bound: nothing comes in unfiltered. */
    CLEANUP_FD int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || filter_packets(fd) < 0 || bind(fd, (struct sockaddr *)&self, sizeof self) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "packet socket");
    return fd_take(&fd);
}

int dhcp_open_udp(const char *dev, struct err *e)
{
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT)};
    CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, (socklen_t)strlen(dev)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &(int){1}, sizeof(int)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(fd, (struct sockaddr *)&self, sizeof self) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "UDP port %d", DHCP_CLIENT_PORT);
    return fd_take(&fd);
}

int dhcp_send_packet(int fd, int ifindex, const struct dhcp_request *r)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_IP),
                             .sll_ifindex = ifindex,
                             .sll_halen = RTNL_MAC,
                             .sll_addr = {255, 255, 255, 255, 255, 255}};
    uint8_t packet[DHCP_PACKET_MAX];
    size_t n = dhcp_write_packet(r, packet);

    return sendto(fd, packet, n, 0, (struct sockaddr *)&to, sizeof to) < 0 ? -1 : 0;
}

int dhcp_send_udp(int fd, struct in_addr to, const struct dhcp_request *r)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(DHCP_SERVER_PORT), .sin_addr = to};
    uint8_t message[DHCP_PACKET_MAX];
    size_t n = dhcp_write(r, message);

    return sendto(fd, message, n, 0, (struct sockaddr *)&server, sizeof server) < 0 ? -1 : 0;
}
