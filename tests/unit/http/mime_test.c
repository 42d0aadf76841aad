#include "http/mime.h"

#include "test.h"

static void by_name(void **state)
{
    (void)state;
    assert_string_equal(mime_by_name(BYTES_LIT("index.html")), "text/html; charset=utf-8");
    assert_string_equal(mime_by_name(BYTES_LIT("A.TAR.JSON")), "application/json");
    assert_string_equal(mime_by_name(BYTES_LIT(".png")), "image/png");
    assert_null(mime_by_name(BYTES_LIT("json")));
    assert_null(mime_by_name(BYTES_LIT("a.")));
    assert_null(mime_by_name(BYTES_LIT("a.htmlx")));
    assert_null(mime_by_name(BYTES_LIT("a.ht")));
    assert_null(mime_by_name(BYTES_LIT("")));
}

static void by_content(void **state)
{
    static const char text[] = "text/plain; charset=utf-8";
    char late[MIME_SNIFF + 1];

    (void)state;
    assert_string_equal(mime_sniff(BYTES_LIT("")), text);
    assert_string_equal(mime_sniff(BYTES_LIT("plain\r\n\ttext\x1b[1m\x0c")), text);
    assert_string_equal(mime_sniff(BYTES_LIT("\xef\xbb\xbfmarked")), text);
    assert_string_equal(mime_sniff(BYTES_LIT("<html><script>")), text);
    assert_string_equal(mime_sniff(BYTES_LIT("\xfe\xff\0a")), "text/plain; charset=utf-16be");
    assert_string_equal(mime_sniff(BYTES_LIT("\xff\xfe"
                                             "a\0")),
                        "text/plain; charset=utf-16le");
    assert_string_equal(mime_sniff(BYTES_LIT("a\0b")), mime_unknown);
    assert_string_equal(mime_sniff(BYTES_LIT("\x7f"
                                             "ELF\x02")),
                        mime_unknown);
    memset(late, 'a', sizeof late);
    late[MIME_SNIFF] = 0;
    assert_string_equal(mime_sniff((struct bytes){late, sizeof late}), text);
    late[MIME_SNIFF - 1] = 0;
    assert_string_equal(mime_sniff((struct bytes){late, sizeof late}), mime_unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_name), cmocka_unit_test(by_content)};

    return RUN(tests);
}
