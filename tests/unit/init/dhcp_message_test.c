/* DHCP messages, as bytes. */
#include "test.h"

#include <stdio.h>

#include "core/base.h"
#include "init/dhcp_rig.h"

static struct answer a;
static struct dhcp_lease lease;

static int read_it(void)
{
    return dhcp_read(answer_bytes(&a), 0x11223344, mac, &lease);
}

static const char *text_of(struct in_addr address)
{
    return inet_ntoa(address);
}

static struct in_addr address_of(const char *text)
{
    return (struct in_addr){inet_addr(text)};
}

/* The value of an option in what was written; NULL when it is not there. */
static const uint8_t *option_of(const uint8_t *message, size_t len, uint8_t option)
{
    for (size_t i = 240; i < len && message[i] != 255; i += 2 + (size_t)message[i + 1])
        if (message[i] == option)
            return message + i + 2;
    return NULL;
}

static void a_discover_is_as_the_rfc_has_it(void **state)
{
    struct dhcp_request r = {.type = DHCP_DISCOVER, .xid = 0x11223344, .secs = 3, .mac = {2, 0, 0, 0, 0, 7}};
    uint8_t out[DHCP_PACKET_MAX];
    size_t n = dhcp_write(&r, out);

    (void)state;
    assert_memory_equal(out, "\1\1\6\0\x11\x22\x33\x44\0\3\0\0", 12);
    assert_memory_equal(out + 28, mac, 6);
    assert_memory_equal(out + 236, "\x63\x82\x53\x63", 4);
    assert_int_equal(*option_of(out, n, 53), DHCP_DISCOVER);
    assert_null(option_of(out, n, 50));
    assert_null(option_of(out, n, 54));
    /* classless routes before the router: RFC 3442 */
    assert_true(memchr(option_of(out, n, 55), 121, 10) < memchr(option_of(out, n, 55), 3, 10));
    assert_int_equal(out[n - 1], 255);
}

static void a_request_names_the_server_and_the_address(void **state)
{
    struct dhcp_request r = {
        .type = DHCP_REQUEST, .wanted = address_of("10.0.0.5"), .server_id = address_of("10.0.0.1")};
    uint8_t out[DHCP_PACKET_MAX];
    size_t n = dhcp_write(&r, out);

    (void)state;
    assert_int_equal(*option_of(out, n, 53), DHCP_REQUEST);
    assert_memory_equal(option_of(out, n, 50), "\x0a\0\0\5", 4);
    assert_memory_equal(option_of(out, n, 54), "\x0a\0\0\1", 4);
    assert_memory_equal(out + 12, "\0\0\0\0", 4);
    r = (struct dhcp_request){.type = DHCP_REQUEST, .own = address_of("10.0.0.5")};
    n = dhcp_write(&r, out);
    assert_memory_equal(out + 12, "\x0a\0\0\5", 4);
    assert_null(option_of(out, n, 50));
}

static uint32_t sum_of(const uint8_t *p, size_t n, uint32_t s)
{
    for (size_t i = 0; i < n; i++)
        s += (uint32_t)p[i] << (i % 2 ? 0 : 8);
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return s;
}

static void a_packet_has_right_sums(void **state)
{
    struct dhcp_request r = {.type = DHCP_DISCOVER, .xid = 0x99aabbcc, .secs = 7, .mac = {2, 0, 0, 0, 0, 9}};
    uint8_t out[DHCP_PACKET_MAX];
    size_t n = dhcp_write_packet(&r, out);

    (void)state;
    assert_int_equal(n, (size_t)(out[2] << 8 | out[3]));
    assert_int_equal(sum_of(out, 20, 0), 0xffff);
    /* UDP's with its pseudo header: 0.0.0.0, 255.255.255.255, 17, the length */
    assert_int_equal(sum_of(out + 20, n - 20, 0xffff + 0xffff + 17 + (uint32_t)(n - 20)), 0xffff);
    assert_memory_equal(out + 12, "\0\0\0\0\xff\xff\xff\xff\0\x44\0\x43", 12);
}

static void a_lease_is_read_whole(void **state)
{
    (void)state;
    answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 3600);
    answer_put_u32(&a, 1, 0xffffff00);
    answer_put_u32(&a, 3, 0x0a000001);
    answer_put(&a, 6, "\1\1\1\1\x8\x8\x8\x8\x9\x9\x9\x9\7\7\7\7", 16);
    answer_put(&a, 12, "box\0", 4);
    answer_put(&a, 15, "lan.example", 11);
    answer_put(&a, 26, "\x05\x78", 2);
    answer_put_u32(&a, 58, 1000);
    answer_put_u32(&a, 59, 2000);
    answer_put(&a, 255, "", 0);
    assert_int_equal(read_it(), DHCP_ACK);
    assert_string_equal(text_of(lease.address), "10.0.0.5");
    assert_string_equal(text_of(lease.server), "10.0.0.1");
    assert_int_equal(lease.bits, 24);
    assert_int_equal(lease.mtu, 1400);
    assert_int_equal(lease.dns_count, 3); /* and no more than resolv.conf has */
    assert_string_equal(text_of(lease.dns[2]), "9.9.9.9");
    assert_int_equal(lease.route_count, 1);
    assert_int_equal(lease.routes[0].bits, 0);
    assert_string_equal(text_of(lease.routes[0].via), "10.0.0.1");
    assert_string_equal(lease.hostname, "box");
    assert_string_equal(lease.domain, "lan.example");
    assert_int_equal(lease.renew_s, 1000);
    assert_int_equal(lease.rebind_s, 2000);
    assert_int_equal(lease.end_s, 3600);
}

static void times_that_make_no_sense_are_the_usual_ones(void **state)
{
    static const uint32_t pairs[][2] = {{0, 0}, {2000, 1000}, {100, 3600}, {0, 3000}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        answer_lease(&a, DHCP_OFFER, 0x11223344, "10.0.0.5", 3200);
        answer_put_u32(&a, 58, pairs[i][0]);
        answer_put_u32(&a, 59, pairs[i][1]);
        assert_int_equal(read_it(), DHCP_OFFER);
        assert_int_equal(lease.renew_s, 1600);
        assert_int_equal(lease.rebind_s, 2800);
    }
    answer_lease(&a, DHCP_OFFER, 0x11223344, "10.0.0.5", DHCP_FOREVER);
    assert_int_equal(read_it(), DHCP_OFFER);
    assert_int_equal(lease.renew_s, DHCP_FOREVER);
}

static void classless_routes_stand_for_the_router(void **state)
{
    static const uint8_t routes[] = {
        0,  10, 0, 0,   1,               /* the default route */
        17, 10, 7, 255, 10, 0, 0, 2,     /* 10.7.128.0/17: what is beyond the bits is cut */
        32, 1,  2, 3,   4,  0, 0, 0, 0}; /* on the link */

    (void)state;
    answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
    answer_put_u32(&a, 3, 0x0a0000fe);
    /* in two parts: RFC 3396 */
    answer_put(&a, 121, routes, 7);
    answer_put(&a, 121, routes + 7, sizeof routes - 7);
    assert_int_equal(read_it(), DHCP_ACK);
    assert_int_equal(lease.route_count, 3);
    assert_string_equal(text_of(lease.routes[0].via), "10.0.0.1");
    assert_string_equal(text_of(lease.routes[1].to), "10.7.128.0");
    assert_int_equal(lease.routes[1].bits, 17);
    assert_string_equal(text_of(lease.routes[1].via), "10.0.0.2");
    assert_string_equal(text_of(lease.routes[2].to), "1.2.3.4");
    assert_int_equal(lease.routes[2].via.s_addr, 0);
}

static void routes_have_a_bound(void **state)
{
    uint8_t routes[20 * 5] = {0};

    (void)state;
    answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
    answer_put(&a, 121, routes, sizeof routes);
    assert_int_equal(read_it(), DHCP_ACK);
    assert_int_equal(lease.route_count, DHCP_ROUTES_MAX);
    answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
    answer_put(&a, 121, "\x21\1\2\3\4\5\1\2\3\4", 10); /* 33 bits */
    assert_int_equal(read_it(), DHCP_ACK);
    assert_int_equal(lease.route_count, 0);
}

static void options_may_lie_in_the_old_fields(void **state)
{
    (void)state;
    answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
    memcpy(a.bytes + 108, "\x1a\2\x05\xdc\xff", 5); /* file: the MTU */
    memcpy(a.bytes + 44, "\x0c\1b\xff", 4);         /* sname: the host name */
    assert_int_equal(read_it(), DHCP_ACK);
    assert_int_equal(lease.mtu, 0);
    answer_put(&a, 52, "\3", 1);
    assert_int_equal(read_it(), DHCP_ACK);
    assert_int_equal(lease.mtu, 1500);
    assert_string_equal(lease.hostname, "b");
}

static void names_are_those_of_hosts(void **state)
{
    static const char *const bad[] = {"a b", "a\nnameserver", "-a", ".a", "a/b", "a;b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
        answer_put(&a, 12, bad[i], strlen(bad[i]));
        answer_put(&a, 15, bad[i], strlen(bad[i]));
        assert_int_equal(read_it(), DHCP_ACK);
        assert_string_equal(lease.hostname, "");
        assert_string_equal(lease.domain, "");
    }
    answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
    memset(a.bytes + a.len + 2, 'x', 65);
    answer_put(&a, 12, a.bytes + a.len + 2, 65);
    assert_int_equal(read_it(), DHCP_ACK);
    assert_string_equal(lease.hostname, "");
}

static void a_tiny_mtu_is_none(void **state)
{
    (void)state;
    answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
    answer_put(&a, 26, "\0\x44", 2);
    assert_int_equal(read_it(), DHCP_ACK);
    assert_int_equal(lease.mtu, 0);
}

static void others_answers_are_none(void **state)
{
    struct answer good;

    (void)state;
    answer_lease(&good, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
    a = good;
    assert_int_equal(read_it(), DHCP_ACK);
    for (size_t i = 0; i < 3; i++) {
        static const size_t at[] = {0, 4, 28}; /* a request; another xid; another's address */

        a = good;
        a.bytes[at[i]] ^= 1;
        assert_int_equal(read_it(), 0);
    }
    a = good;
    a.bytes[239] ^= 1; /* BOOTP of another vendor */
    assert_int_equal(read_it(), 0);
    a = good;
    a.bytes[242] = 1; /* a DISCOVER */
    assert_int_equal(read_it(), 0);
}

static void a_lease_needs_an_address_a_server_and_an_end(void **state)
{
    (void)state;
    answer_lease(&a, DHCP_OFFER, 0x11223344, "10.0.0.5", 0);
    assert_int_equal(read_it(), 0);
    answer_lease(&a, DHCP_OFFER, 0x11223344, "0.0.0.0", 60);
    assert_int_equal(read_it(), 0);
    answer_lease(&a, DHCP_OFFER, 0x11223344, "127.0.0.1", 60);
    assert_int_equal(read_it(), 0);
    answer_lease(&a, DHCP_OFFER, 0x11223344, "224.0.0.1", 60);
    assert_int_equal(read_it(), 0);
    answer_begin(&a, 0x11223344, "10.0.0.5");
    answer_put(&a, 53, "\2", 1);
    answer_put_u32(&a, 51, 60);
    assert_int_equal(read_it(), 0);
}

static void an_answer_may_end_anywhere(void **state)
{
    (void)state;
    answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
    answer_put(&a, 121, "\x18\1\2\3\x0a\0\0\1", 8);
    for (size_t n = 0; n < a.len; n++) {
        CLEANUP_FREE char *copy = malloc(n + 1);
        int type;

        memcpy(copy, a.bytes, n);
        type = dhcp_read((struct bytes){copy, n}, 0x11223344, mac, &lease);
        assert_true(type == 0 || type == DHCP_ACK);
    }
}

/* A packet around an answer. */
static size_t wrap(uint8_t *out)
{
    static const uint8_t head[28] = {0x45, 0, 0, 0, 0,   0,   0,   0,   64, 17, 0, 0,
                                     10,   0, 0, 1, 255, 255, 255, 255, 0,  67, 0, 68};
    size_t n = a.len + 28;
    uint32_t s;

    memcpy(out, head, 28);
    memcpy(out + 28, a.bytes, a.len);
    out[2] = (uint8_t)(n >> 8);
    out[3] = (uint8_t)n;
    out[24] = (uint8_t)((n - 20) >> 8);
    out[25] = (uint8_t)(n - 20);
    s = ~sum_of(out, 20, 0);
    out[10] = (uint8_t)(s >> 8);
    out[11] = (uint8_t)s;
    return n;
}

static void a_packet_is_unwrapped(void **state)
{
    uint8_t packet[1600];
    struct bytes message;
    size_t n;

    (void)state;
    answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
    n = wrap(packet);
    memcpy(packet + n, "trailer", 7); /* as short frames have */
    assert_true(dhcp_unwrap((struct bytes){(char *)packet, n + 7}, &message));
    assert_true(bytes_equal(message, answer_bytes(&a)));
    for (size_t i = 0; i < n; i++)
        assert_false(dhcp_unwrap((struct bytes){(char *)packet, i}, &message));
}

static void a_packet_of_another_kind_is_none(void **state)
{
    static const size_t at[] = {0, 0, 3, 9, 10, 23, 24};
    static const uint8_t with[] = {0x65, 0x44, 1, 6, 0xff, 67, 0xff};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        uint8_t packet[1600];
        struct bytes message;
        size_t n;

        answer_lease(&a, DHCP_ACK, 0x11223344, "10.0.0.5", 60);
        n = wrap(packet);
        packet[at[i]] = with[i];
        assert_false(dhcp_unwrap((struct bytes){(char *)packet, n}, &message));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_discover_is_as_the_rfc_has_it),
        cmocka_unit_test(a_request_names_the_server_and_the_address),
        cmocka_unit_test(a_packet_has_right_sums),
        cmocka_unit_test(a_lease_is_read_whole),
        cmocka_unit_test(times_that_make_no_sense_are_the_usual_ones),
        cmocka_unit_test(classless_routes_stand_for_the_router),
        cmocka_unit_test(routes_have_a_bound),
        cmocka_unit_test(options_may_lie_in_the_old_fields),
        cmocka_unit_test(names_are_those_of_hosts),
        cmocka_unit_test(a_tiny_mtu_is_none),
        cmocka_unit_test(others_answers_are_none),
        cmocka_unit_test(a_lease_needs_an_address_a_server_and_an_end),
        cmocka_unit_test(an_answer_may_end_anywhere),
        cmocka_unit_test(a_packet_is_unwrapped),
        cmocka_unit_test(a_packet_of_another_kind_is_none),
    };

    return RUN(tests);
}
