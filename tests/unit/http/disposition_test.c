#include "http/disposition.h"

#include "test.h"

static void names(void **state)
{
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"a.txt", "inline; filename=a.txt"},
        {"", "inline; filename=\"\""},
        {"a b", "inline; filename=\"a b\""},
        {"a;b=c", "inline; filename=\"a;b=c\""},
        {"say \"x\\y\"", "inline; filename=\"say \\\"x\\\\y\\\"\""},
        {"a\tb", "inline; filename=\"a\tb\""},
        {"it's*100%", "inline; filename=it's*100%"},
        {"gr\xc3\xbc\xc3\x9f dich", "inline; filename*=utf-8''gr%C3%BC%C3%9F%20dich"},
        {"\xff\xfe", "inline; filename*=utf-8''%FF%FE"},
        {"a\r\nSet-Cookie: b", "inline; filename*=utf-8''a%0D%0ASet-Cookie%3A%20b"},
        {"'\x7f'*%", "inline; filename*=utf-8''%27%7F%27%2A%25"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *value = disposition_inline(bytes_of(cases[i].name));

        assert_string_equal(value, cases[i].value);
        free(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names)};

    return RUN(tests);
}
