/* What the agent offers about itself: the routes, who may call them, and the version that follows from them. */
#include "system/system.h"

#include "core/log.h"
#include "process/process_service.h"
#include "rig.h"
#include "system/version.h"
#include "test.h"

static struct rig r;
static struct rpc rpc;
static struct execs execs;
static struct settings settings;
static struct process_service process;
static struct system sys;

static int setup(void **state)
{
    struct err e;

    (void)state;
    log_init(LOG_OFF, LOG_TEXT, false);
    rig_start(&r);
    rpc_init(&rpc, &r.http, &r.loop, &r.pool);
    return settings_init(&settings, NULL, &e);
}

static int teardown(void **state)
{
    (void)state;
    rig_stop(&r);
    settings_destroy(&settings);
    return 0;
}

static unsigned flags_of(const char *method, const char *path)
{
    char allowed[HTTP_ALLOWED_MAX];
    struct http_route route;

    assert_true(http_route_find(&r.http, method, bytes_of(path), &route, allowed));
    return route.flags;
}

static void routes_have_their_callers(void **state)
{
    (void)state;
    assert_int_equal(system_init(&sys, &rpc, &settings, &execs, NULL, NULL, NULL, COMPAT_E2B), 0);
    assert_int_equal(flags_of("GET", "/health"), HTTP_PUBLIC | HTTP_CONTROL);
    assert_int_equal(flags_of("POST", "/init"), HTTP_PUBLIC | HTTP_CONTROL | HTTP_HOST);
    assert_int_equal(flags_of("GET", "/envs"), 0); /* variables are secrets */
    assert_int_equal(flags_of("GET", "/metrics"), HTTP_CONTROL);
    for (const char *const *path =
             (const char *const[]){"/freeze", "/unfreeze", "/fsfreeze", "/fsthaw", "/collapse", NULL};
         *path; path++)
        assert_int_equal(flags_of("POST", *path), HTTP_CONTROL | HTTP_HOST);
    assert_int_equal(flags_of("POST", "/guest.v1.Agent/GetInfo"), HTTP_CONTROL);
    assert_true(sys.started_at.tv_sec > 0);
}

/* Called last, it knows what else is answered. */
static void the_told_version_follows_from_what_is_there(void **state)
{
    (void)state;
    assert_int_equal(process_service_init(&process, &rpc, &execs, &settings), 0);
    assert_int_equal(system_init(&sys, &rpc, &settings, &execs, NULL, NULL, NULL, COMPAT_E2B), 0);
    assert_string_equal(version_told(&r.http, COMPAT_E2B), "0.0.1");
}

static void alone_it_tells_no_version(void **state)
{
    (void)state;
    assert_int_equal(system_init(&sys, &rpc, &settings, &execs, NULL, NULL, NULL, COMPAT_E2B), 0);
    assert_string_equal(version_told(&r.http, COMPAT_E2B), "0.0.0");
}

static void products_have_names(void **state)
{
    (void)state;
    assert_string_equal(compat_name(COMPAT_E2B), "e2b");
    assert_string_equal(compat_name(COMPAT_WRENN), "wrenn");
}

static void kick(struct http_exchange *x)
{
    (void)x;
}

/* What did not fit is not sent in part. */
static void half_an_answer_is_none(void **state)
{
    static const struct http_wire wire = {.kick = kick};

    (void)state;
    for (size_t limit = 1; limit <= 2; limit++) {
        struct http_exchange x = {.wire = &wire};
        struct chain body = {0};
        struct writer w;

        writer_init(&w, &body, NULL, limit);
        writer_str(&w, "{}");
        system_reply(&x, &w);
        assert_int_equal(x.status, limit == 2 ? 200 : 500);
        assert_int_equal(http_fields_get(&x.response, "cache-control").ptr != NULL, limit == 2);
        assert_int_equal(body.bytes, 0);
        chain_clear(&x.body);
        http_fields_clear(&x.response);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(routes_have_their_callers), T(the_told_version_follows_from_what_is_there),
        T(alone_it_tells_no_version), T(products_have_names),
        T(half_an_answer_is_none),
    };

    return RUN(tests);
}
