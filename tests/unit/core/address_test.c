#include "core/address.h"

#include <arpa/inet.h>

#include "test.h"

static void good(void **state)
{
    static const char *const same[] = {"vsock:49983",         "vsock:3:1024",   "unix:/run/x.sock",
                                       "tcp:127.0.0.1:49983", "tcp:[::1]:8080", "tcp:[::]:0"};
    struct address a;
    struct err e;
    char text[ADDRESS_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        assert_int_equal(address_parse(same[i], &a, &e), 0);
        address_text(&a, text);
        assert_string_equal(text, same[i]);
    }
    assert_int_equal(address_parse("tcp:localhost:1", &a, &e), 0);
    assert_int_equal(a.sa.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(address_parse("tcp::1", &a, &e), 0);
    assert_int_equal(a.sa.in.sin_addr.s_addr, INADDR_ANY);
    assert_int_equal(address_parse("vsock:7", &a, &e), 0);
    assert_int_equal(a.sa.vm.svm_cid, VMADDR_CID_ANY);
}

static void bad(void **state)
{
    static const char *const texts[] = {"",
                                        "vsock:",
                                        "vsock:x",
                                        "vsock:3:",
                                        "vsock::1",
                                        "vsock:99999999999",
                                        "unix:",
                                        "tcp:1",
                                        "tcp:a.example:1",
                                        "tcp:127.0.0.1:65536",
                                        "tcp:127.0.0.1:",
                                        "tcp:[::1:1",
                                        "tcp:[zz]:1",
                                        "tcp:256.0.0.1:1",
                                        "http://x",
                                        "tcp:1.2.3.4:-1",
                                        "vsock:4294967295"};
    char longest[120] = "unix:";
    struct address a;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(address_parse(texts[i], &a, &e), -1);
        assert_non_null(strstr(e.text, texts[i]));
    }
    memset(longest + 5, 'a', 107);
    assert_int_equal(address_parse(longest, &a, &e), 0);
    longest[112] = 'a';
    assert_int_equal(address_parse(longest, &a, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad),
    };

    return RUN(tests);
}
