/* Messages of rtnetlink, as bytes. */
#include "test.h"

#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "init/rtnl_wire.h"

static struct rtnl_out out;

static struct bytes written(void)
{
    return (struct bytes){(char *)out.bytes, out.len};
}

static int setup(void **state)
{
    (void)state;
    memset(&out, 0xaa, sizeof out); /* padding must be written, too */
    out.len = out.last = 0;
    return 0;
}

static void requests_lie_one_behind_the_other(void **state)
{
    struct rtnl_message m;
    struct bytes in, value;
    ssize_t eaten;

    (void)state;
    rtnl_begin(&out, RTM_NEWLINK, NLM_F_ACK, 7, &(struct ifinfomsg){.ifi_index = 3},
               sizeof(struct ifinfomsg));
    rtnl_put(&out, IFLA_IFNAME, "eth0", 5);
    rtnl_put(&out, IFLA_MTU, &(uint32_t){1400}, 4);
    rtnl_begin(&out, RTM_NEWADDR, 0, 8, &(struct ifaddrmsg){0}, sizeof(struct ifaddrmsg));
    in = written();
    eaten = rtnl_next(in, &m);
    assert_int_equal(eaten, 16 + 16 + 12 + 8);
    assert_int_equal(m.type, RTM_NEWLINK);
    assert_int_equal(m.flags, NLM_F_REQUEST | NLM_F_ACK);
    assert_int_equal(m.seq, 7);
    value = (struct bytes){m.payload.ptr + 16, m.payload.len - 16};
    assert_memory_equal(value.ptr + 9, "\0\0\0", 3); /* no byte of ours goes out by chance */
    assert_true(rtnl_attribute(value, IFLA_MTU, &value));
    assert_int_equal(value.len, 4);
    in = (struct bytes){in.ptr + eaten, in.len - (size_t)eaten};
    eaten = rtnl_next(in, &m);
    assert_int_equal(eaten, (ssize_t)in.len);
    assert_int_equal(m.type, RTM_NEWADDR);
    assert_int_equal(rtnl_next((struct bytes){in.ptr + eaten, 0}, &m), 0);
}

static void a_message_ends_where_its_bytes_do(void **state)
{
    struct rtnl_message m;

    (void)state;
    rtnl_begin(&out, RTM_NEWLINK, 0, 1, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg));
    for (size_t n = 1; n < out.len; n++)
        assert_int_equal(rtnl_next((struct bytes){(char *)out.bytes, n}, &m), -1);
    rtnl_last(&out)->nlmsg_len = 15; /* shorter than its own header */
    assert_int_equal(rtnl_next(written(), &m), -1);
}

static void an_attribute_ends_where_its_bytes_do(void **state)
{
    uint8_t row[] = {6, 0, 1, 0, 'a', 'b', 0, 0, 5, 0, 2, 0x80, 'c'}; /* the second one is marked as nested */
    struct bytes value;

    (void)state;
    assert_true(rtnl_attribute((struct bytes){(char *)row, sizeof row}, 2, &value));
    assert_true(bytes_are(value, "c"));
    assert_false(rtnl_attribute((struct bytes){(char *)row, sizeof row - 1}, 2, &value));
    assert_false(rtnl_attribute((struct bytes){(char *)row, sizeof row}, 3, &value));
    row[0] = 3; /* it would never end */
    assert_false(rtnl_attribute((struct bytes){(char *)row, sizeof row}, 2, &value));
}

static void a_link_has_its_name_and_hardware_address(void **state)
{
    struct rtnl_message m;
    struct rtnl_link link;

    (void)state;
    rtnl_begin(&out, RTM_NEWLINK, 0, 1,
               &(struct ifinfomsg){.ifi_index = 4, .ifi_type = 1, .ifi_flags = IFF_UP},
               sizeof(struct ifinfomsg));
    rtnl_put(&out, IFLA_IFNAME, "a-name-of-15-by\0more", 20);
    rtnl_put(&out, IFLA_ADDRESS, "\2\0\0\0\0\7", 6);
    assert_true(rtnl_next(written(), &m) > 0);
    assert_int_equal(rtnl_read_link(&m, &link), 0);
    assert_int_equal(link.index, 4);
    assert_int_equal(link.type, 1);
    assert_int_equal(link.flags, IFF_UP);
    assert_string_equal(link.name, "a-name-of-15-by");
    assert_true(link.has_mac);
    assert_memory_equal(link.mac, "\2\0\0\0\0\7", 6);
    m.payload.len = 15;
    assert_int_equal(rtnl_read_link(&m, &link), -1);
    m.type = RTM_DELLINK;
    assert_int_equal(rtnl_read_link(&m, &link), -1);
}

/* An answer as the kernel makes it: the error, the request's bytes unless they are left out, and the explanation. */
static void make_error(int errnum, bool capped)
{
    struct nlmsgerr error = {.error = -errnum, .msg = {.nlmsg_len = 16 + 8}};

    out.len = out.last = 0;
    rtnl_begin(&out, NLMSG_ERROR, NLM_F_ACK_TLVS | (capped ? NLM_F_CAPPED : 0), 5, &error, sizeof error);
    if (!capped)
        out.len += 8;
    rtnl_put(&out, NLMSGERR_ATTR_MSG, "Nexthop has invalid gateway", 28);
}

static void an_error_has_the_kernels_explanation(void **state)
{
    struct rtnl_message m;
    struct bytes text;
    int errnum;

    (void)state;
    for (int capped = 0; capped < 2; capped++) {
        make_error(101, capped);
        assert_true(rtnl_next(written(), &m) > 0);
        assert_int_equal(rtnl_read_error(&m, &errnum, &text), 0);
        assert_int_equal(errnum, 101);
        assert_true(bytes_are(text, "Nexthop has invalid gateway"));
    }
    m.flags = 0;
    assert_int_equal(rtnl_read_error(&m, &errnum, &text), 0);
    assert_int_equal(text.len, 0);
    m.payload.len = sizeof(struct nlmsgerr) - 1;
    assert_int_equal(rtnl_read_error(&m, &errnum, &text), -1);
}

static void an_explanation_that_lies_about_its_request_is_none(void **state)
{
    struct rtnl_message m;
    struct bytes text;
    int errnum;

    (void)state;
    make_error(22, false);
    ((struct nlmsgerr *)(void *)(out.bytes + 16))->msg.nlmsg_len = UINT32_MAX;
    assert_true(rtnl_next(written(), &m) > 0);
    assert_int_equal(rtnl_read_error(&m, &errnum, &text), 0);
    assert_int_equal(errnum, 22);
    assert_int_equal(text.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(requests_lie_one_behind_the_other, setup),
        cmocka_unit_test_setup(a_message_ends_where_its_bytes_do, setup),
        cmocka_unit_test_setup(an_attribute_ends_where_its_bytes_do, setup),
        cmocka_unit_test_setup(a_link_has_its_name_and_hardware_address, setup),
        cmocka_unit_test_setup(an_error_has_the_kernels_explanation, setup),
        cmocka_unit_test_setup(an_explanation_that_lies_about_its_request_is_none, setup),
    };

    return RUN(tests);
}
