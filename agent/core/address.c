#include "core/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

static int bad(struct err *e, const char *text, const char *why)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "address '%s': %s", text, why);
}

static int number(const char *s, size_t len, uint64_t max, uint64_t *out)
{
    *out = 0;
    if (len == 0 || len > 10)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        *out = *out * 10 + (uint64_t)(s[i] - '0');
    }
    return *out > max ? -1 : 0;
}

static int parse_vsock(const char *text, const char *rest, struct address *a, struct err *e)
{
    const char *colon = strrchr(rest, ':');
    const char *port_text = colon ? colon + 1 : rest;
    uint64_t cid = VMADDR_CID_ANY, port;

    if (colon && number(rest, (size_t)(colon - rest), UINT32_MAX, &cid) < 0)
        return bad(e, text, "the CID is not a number");
    if (number(port_text, strlen(port_text), UINT32_MAX - 1, &port) < 0)
        return bad(e, text, "the port is not a number");
    a->sa.vm =
        (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = (unsigned)cid, .svm_port = (unsigned)port};
    a->len = sizeof a->sa.vm;
    return 0;
}

static int parse_unix(const char *text, const char *rest, struct address *a, struct err *e)
{
    size_t len = strlen(rest);

    if (len == 0)
        return bad(e, text, "the path is empty");
    if (len >= sizeof a->sa.un.sun_path)
        return bad(e, text, "the path is longer than 107 bytes");
    a->sa.un.sun_family = AF_UNIX;
    memcpy(a->sa.un.sun_path, rest, len + 1);
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return 0;
}

static int parse_tcp(const char *text, const char *rest, struct address *a, struct err *e)
{
    const char *colon = strrchr(rest, ':');
    char host[64];
    uint64_t port;
    size_t len;

    if (!colon || number(colon + 1, strlen(colon + 1), 65535, &port) < 0)
        return bad(e, text, "the port is not a number up to 65535");
    len = (size_t)(colon - rest);
    if (len >= sizeof host)
        return bad(e, text, "the host is too long");
    memcpy(host, rest, len);
    host[len] = 0;
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = 0;
        a->sa.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        a->len = sizeof a->sa.in6;
        if (inet_pton(AF_INET6, host + 1, &a->sa.in6.sin6_addr) == 1)
            return 0;
        return bad(e, text, "the host is not an IPv6 address");
    }
    a->sa.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a->len = sizeof a->sa.in;
    if (len == 0 || strcmp(host, "*") == 0)
        a->sa.in.sin_addr.s_addr = htonl(INADDR_ANY);
    else if (strcmp(host, "localhost") == 0)
        a->sa.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (inet_pton(AF_INET, host, &a->sa.in.sin_addr) != 1)
        return bad(e, text, "the host is not an IP address (names are not looked up)");
    return 0;
}

int address_parse(const char *text, struct address *a, struct err *e)
{
    memset(a, 0, sizeof *a);
    if (strncmp(text, "vsock:", 6) == 0) {
        a->transport = TRANSPORT_VSOCK;
        return parse_vsock(text, text + 6, a, e);
    }
    if (strncmp(text, "unix:", 5) == 0) {
        a->transport = TRANSPORT_UNIX;
        return parse_unix(text, text + 5, a, e);
    }
    if (strncmp(text, "tcp:", 4) == 0) {
        a->transport = TRANSPORT_TCP;
        return parse_tcp(text, text + 4, a, e);
    }
    return bad(e, text, "it does not begin with vsock:, unix: or tcp:");
}

void address_text(const struct address *a, char *out)
{
    char host[INET6_ADDRSTRLEN] = "";

    switch (a->transport) {
    case TRANSPORT_VSOCK:
        if (a->sa.vm.svm_cid == VMADDR_CID_ANY)
            snprintf(out, ADDRESS_TEXT_MAX, "vsock:%u", a->sa.vm.svm_port);
        else
            snprintf(out, ADDRESS_TEXT_MAX, "vsock:%u:%u", a->sa.vm.svm_cid, a->sa.vm.svm_port);
        return;
    case TRANSPORT_UNIX:
        snprintf(out, ADDRESS_TEXT_MAX, "unix:%s", a->sa.un.sun_path);
        return;
    case TRANSPORT_TCP:
        if (a->sa.any.sa_family == AF_INET6) {
            inet_ntop(AF_INET6, &a->sa.in6.sin6_addr, host, sizeof host);
            snprintf(out, ADDRESS_TEXT_MAX, "tcp:[%s]:%u", host, ntohs(a->sa.in6.sin6_port));
        } else {
            inet_ntop(AF_INET, &a->sa.in.sin_addr, host, sizeof host);
            snprintf(out, ADDRESS_TEXT_MAX, "tcp:%s:%u", host, ntohs(a->sa.in.sin_port));
        }
        return;
    }
}

const char *transport_name(enum transport t)
{
    static const char *const names[] = {"tcp", "unix", "vsock"};

    return names[t];
}
