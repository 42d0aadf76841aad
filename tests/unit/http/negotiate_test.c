#include "http/negotiate.h"

#include "test.h"

static enum http_coding choose(const char *const *fields, bool whole)
{
    struct http_fields request = {0};
    enum http_coding coding;

    for (; *fields; fields++)
        assert_int_equal(http_fields_add(&request, "accept-encoding", bytes_of(*fields)), 0);
    coding = negotiate_coding(&request, whole);
    http_fields_clear(&request);
    return coding;
}

static enum http_coding one(const char *field, bool whole)
{
    return choose((const char *const[]){field, NULL}, whole);
}

static void codings(void **state)
{
    static const struct {
        const char *field;
        enum http_coding coding;
    } cases[] = {
        {"", CODING_IDENTITY},
        {"gzip", CODING_IDENTITY},
        {"gzip, deflate", CODING_IDENTITY}, /* httpx and Node on every download */
        {"gzip, deflate, br, zstd", CODING_IDENTITY},
        {"*", CODING_IDENTITY},
        {"identity", CODING_IDENTITY},
        {"gzip, identity", CODING_IDENTITY},
        {"gzip;q=0.5, identity;q=0.5", CODING_IDENTITY},
        {"identity;q=0.5, gzip;q=0.4", CODING_IDENTITY},
        {"gzip, identity;q=0.5", CODING_GZIP},
        {"GZIP, Identity;Q=0.5", CODING_GZIP},
        {"x-gzip;q=0.002,identity;q=0.001", CODING_GZIP},
        {"gzip, *;q=0.5", CODING_GZIP},
        {"identity;q=0.5, *", CODING_GZIP},
        {"gzip, *;q=0", CODING_GZIP},
        {"gzip;q=0.1,identity;q=0", CODING_GZIP},
        {"identity;q=0, *", CODING_GZIP},
        {"identity;q=0.000, *;q=0.001", CODING_GZIP},
        {"identity ; q=0 ,\tgzip ; q=1.000", CODING_GZIP},
        {"*;q=0", CODING_NONE},
        {"identity;q=0", CODING_NONE},
        {"br, identity;q=0", CODING_NONE},
        {"gzip;q=0, identity;q=0, *", CODING_NONE},
        {"identity;q=0, gzip;q=2", CODING_NONE}, /* no weight: not said */
        {"identity;q=0, gzip;q=0.1234", CODING_NONE},
        {"identity;q=0, gzip;q=.5", CODING_NONE},
        {"identity;q=0, gzip;q=", CODING_NONE},
        {"identity;q=0, gzip;level=1", CODING_GZIP},
        {",,;,q=0", CODING_IDENTITY},
        {"gzipped, identity;q=0.1", CODING_IDENTITY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (one(cases[i].field, true) != cases[i].coding)
            fail_msg("%s: not %d", cases[i].field, cases[i].coding);
    assert_int_equal(choose((const char *const[]){NULL}, true), CODING_IDENTITY);
}

static void a_part_is_never_packed(void **state)
{
    (void)state;
    assert_int_equal(one("gzip, identity;q=0.5", false), CODING_IDENTITY);
    assert_int_equal(one("gzip, identity;q=0", false), CODING_NONE);
}

static void several_fields_are_one_list(void **state)
{
    (void)state;
    assert_int_equal(choose((const char *const[]){"gzip", "identity;q=0", NULL}, true), CODING_GZIP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codings),
        cmocka_unit_test(a_part_is_never_packed),
        cmocka_unit_test(several_fields_are_one_list),
    };

    return RUN(tests);
}
