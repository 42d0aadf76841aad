#include "system/init_request.h"

#include "core/limits.h"
#include "test.h"

static struct init_request r;
static struct err e;

static int setup(void **state)
{
    (void)state;
    json_init();
    return 0;
}

static int parse(const char *text)
{
    int ret = init_request_parse(&r, bytes_of(text), &e);

    if (ret < 0)
        init_request_clear(&r);
    return ret;
}

static void a_request_has_its_parts(void **state)
{
    struct volume v;

    (void)state;
    assert_int_equal(
        parse("{\"envVars\":{\"A\":\"b\"},\"accessToken\":\"t\",\"timestamp\":\"2026-01-01T00:00:00.5Z\","
              "\"hyperloopIP\":\"10.0.0.1\",\"defaultUser\":\"u\",\"defaultWorkdir\":\"/w\","
              "\"lifecycleID\":\"l\",\"caBundle\":\"pem\",\"unknown\":1,"
              "\"volumeMounts\":[{\"nfs_target\":\"10.0.0.2:/x\",\"path\":\"/m\"},{\"path\":\"/m\"},7]}"),
        0);
    assert_int_equal(json_object_size(r.vars), 1);
    assert_string_equal(r.token, "t");
    assert_true(r.has_timestamp);
    assert_int_equal(r.seconds, 1767225600);
    assert_int_equal(r.nanos, 500000000);
    assert_string_equal(r.hyperloop_ip, "10.0.0.1");
    assert_string_equal(r.user, "u");
    assert_string_equal(r.workdir, "/w");
    assert_string_equal(r.lifecycle_id, "l");
    assert_string_equal(r.ca_bundle, "pem");
    assert_int_equal(init_request_volume(&r, 0, &v, &e), 0);
    assert_string_equal(v.target, "10.0.0.2:/x");
    assert_int_equal(init_request_volume(&r, 1, &v, &e), -1);
    assert_int_equal(init_request_volume(&r, 2, &v, &e), -1);
    init_request_clear(&r);
    assert_null(r.json);
}

static void nothing_and_null_ask_for_nothing(void **state)
{
    static const char *const texts[] = {"", "{}",
                                        "{\"accessToken\":null,\"envVars\":null,\"volumeMounts\":null,"
                                        "\"timestamp\":null,\"caBundle\":null}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(parse(texts[i]), 0);
        assert_true(!r.token && !r.vars && !r.volumes && !r.has_timestamp && !r.ca_bundle);
        init_request_clear(&r);
    }
}

static void what_is_none_is_refused(void **state)
{
    static const char *const texts[] = {
        "x",
        "[]",
        "{\"accessToken\":\"\"}",
        "{\"accessToken\":\"a\\\\b\"}",
        "{\"accessToken\":1}",
        "{\"envVars\":[]}",
        "{\"envVars\":{\"a\":1}}",
        "{\"timestamp\":\"today\"}",
        "{\"timestamp\":1}",
        "{\"caBundle\":{}}",
        "{\"volumeMounts\":{}}",
        "{\"lifecycleID\":[]}",
    };
    char volumes[4 * VOLUMES_MAX + 64] = "{\"volumeMounts\":[7";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (parse(texts[i]) == 0)
            fail_msg("%s is a request", texts[i]);
    for (size_t i = 1; i < VOLUMES_MAX; i++)
        strcat(volumes, ",7");
    strcat(volumes, "]}");
    assert_int_equal(parse(volumes), 0);
    init_request_clear(&r);
    strcpy(strchr(volumes, ']'), ",7]}");
    assert_int_equal(parse(volumes), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_its_parts),
        cmocka_unit_test(nothing_and_null_ask_for_nothing),
        cmocka_unit_test(what_is_none_is_refused),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, NULL);
}
