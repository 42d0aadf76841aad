/* Each thing that can be wrong between us and an agent has its own finding. */
#include "test.h"

#include "ctl_rig.h"
#include "guest/v1/agent.pb-c.h"

#include "ctl/checkup.c"

static struct ctl ctl;
static struct checkup k;
static Guest__V1__GetInfoResponse info;
static Google__Protobuf__Timestamp now;

static int setup(void **state)
{
    struct err e;

    codec_init();
    guest__v1__get_info_response__init(&info);
    google__protobuf__timestamp__init(&now);
    now.seconds = clock_wall().tv_sec;
    now.nanos = (int32_t)clock_wall().tv_nsec;
    info.version = (char *)(uintptr_t)GUESTD_VERSION;
    info.now = &now;
    info.cgroup_root = (char *)(uintptr_t) "/sys/fs/cgroup/x";
    ctl = (struct ctl){.token = NULL};
    k = (struct checkup){.ctl = &ctl, .patience_ms = 200, .skew_ms = 1000};
    return agent_setup(state) < 0 ? -1 : target_parse(&ctl.target, agent.target, &e);
}

static void health(void)
{
    agent_answers("HTTP/1.1 204 No Content\r\n\r\n", false);
}

/* GetInfo's answer, on a further connection. */
static void answer_info(void)
{
    static uint8_t packed[4096];
    size_t n = protobuf_c_message_pack(&info.base, packed);

    agent_http(200, "Content-Type: application/proto\r\n", packed, n);
    agent.answers[agent.count - 1].same = true;
}

static void refuse_info(int status, const char *body)
{
    agent_http(status, *body == '{' ? "Content-Type: application/json\r\n" : "", body, strlen(body));
    agent.answers[agent.count - 1].same = true;
}

/* Runs it; returns the exit code. */
static int look(void)
{
    agent_start();
    checkup_run(&k);
    agent_finish();
    return checkup_code(&k);
}

#define FOUND(kind, text_) assert_non_null(strstr(k.findings[kind].text, text_))

static void all_is_well(void **state)
{
    (void)state;
    health();
    answer_info();
    assert_int_equal(look(), 0);
    assert_int_equal(k.findings[CHECKUP_HANDSHAKE].verdict, CHECKUP_SKIPPED);
    for (int i = 0; i < CHECKUP_KINDS; i++)
        if (i != CHECKUP_HANDSHAKE)
            assert_int_equal(k.findings[i].verdict, CHECKUP_OK);
    FOUND(CHECKUP_TOKEN, "none is needed");
    FOUND(CHECKUP_CGROUPS, "below /sys/fs/cgroup/x");
}

static void the_first_bad_one_is_the_code(void **state)
{
    (void)state;
    info.version = (char *)(uintptr_t) "9.0.0";
    info.cgroup_root = (char *)(uintptr_t) "";
    info.cgroup_problem = (char *)(uintptr_t) "no cgroup2 is mounted\x1b[31m";
    now.seconds -= 3600;
    health();
    answer_info();
    assert_int_equal(look(), CHECKUP_CODE + CHECKUP_VERSION);
    FOUND(CHECKUP_VERSION, "the agent is 9.0.0");
    FOUND(CHECKUP_CLOCK, "ms behind");
    assert_int_equal(k.findings[CHECKUP_CLOCK].verdict, CHECKUP_BAD);
    FOUND(CHECKUP_CGROUPS, "none: no cgroup2 is mounted?[31m; a process's tree");
    assert_int_equal(k.findings[CHECKUP_CGROUPS].verdict, CHECKUP_BAD);
}

static void an_older_and_a_newer_one_are_noted(void **state)
{
    struct semver own;
    char text[64];

    (void)state;
    assert_int_equal(semver_parse(GUESTD_VERSION, &own), 0);
    snprintf(text, sizeof text, "%lu.%lu.%lu", own.major, own.minor + 1, own.patch);
    look_at_version(&k, text);
    assert_int_equal(k.findings[CHECKUP_VERSION].verdict, CHECKUP_NOTE);
    FOUND(CHECKUP_VERSION, "newer than guestctl " GUESTD_VERSION);
    snprintf(text, sizeof text, "%lu.0.0-rc.1", own.major);
    look_at_version(&k, text);
    assert_int_equal(k.findings[CHECKUP_VERSION].verdict, CHECKUP_NOTE);
    FOUND(CHECKUP_VERSION, "older than guestctl " GUESTD_VERSION);
    look_at_version(&k, "dev");
    assert_int_equal(k.findings[CHECKUP_VERSION].verdict, CHECKUP_BAD);
}

/* The time of the answer lies somewhere between the question and its arrival. */
static void the_clock_is_judged_by_what_is_certain(void **state)
{
    const struct timespec before = {.tv_sec = 1000, .tv_nsec = 500000000};

    (void)state;
    now = (Google__Protobuf__Timestamp)GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    now.seconds = 1001;
    now.nanos = 800000000; /* 1,300 ms later, and the answer took 400: at least 900 ahead */
    look_at_clock(&k, &now, before, 400000000);
    FOUND(CHECKUP_CLOCK, "1100.0 ms ahead (known to 200.0 ms; 1000 ms are allowed)");
    assert_int_equal(k.findings[CHECKUP_CLOCK].verdict, CHECKUP_OK);
    now.seconds = 1002;
    look_at_clock(&k, &now, before, 400000000);
    assert_int_equal(k.findings[CHECKUP_CLOCK].verdict, CHECKUP_BAD);
    look_at_clock(&k, NULL, before, 0);
    assert_int_equal(k.findings[CHECKUP_CLOCK].verdict, CHECKUP_SKIPPED);
}

static void cgroups_that_were_turned_off_are_no_fault(void **state)
{
    (void)state;
    look_at_cgroups(&k, "", "turned off");
    assert_int_equal(k.findings[CHECKUP_CGROUPS].verdict, CHECKUP_NOTE);
}

static void tokens_are_told_apart(void **state)
{
    (void)state;
    health();
    refuse_info(401, "unauthorized");
    assert_int_equal(look(), CHECKUP_CODE + CHECKUP_TOKEN);
    FOUND(CHECKUP_TOKEN, "the agent wants a token");
    ctl.token = "x";
    agent.count = 0;
    health();
    refuse_info(401, "unauthorized");
    assert_int_equal(look(), CHECKUP_CODE + CHECKUP_TOKEN);
    FOUND(CHECKUP_TOKEN, "the token is wrong");
    agent.count = 0;
    health();
    refuse_info(403, "{\"code\":\"permission_denied\",\"message\":\"not for you\"}");
    assert_int_equal(look(), CHECKUP_CODE + CHECKUP_TOKEN);
    FOUND(CHECKUP_TOKEN, "we may not call: not for you");
}

static void another_agent_is_no_guestd(void **state)
{
    (void)state;
    health();
    refuse_info(404, "404 page not found");
    assert_int_equal(look(), CHECKUP_CODE + CHECKUP_PROTOCOL);
    FOUND(CHECKUP_PROTOCOL, "an agent, but not guestd");
    agent.count = 0;
    health();
    refuse_info(500, "{\"code\":\"internal\",\"message\":\"broken\"}");
    assert_int_equal(look(), CHECKUP_CODE + CHECKUP_PROTOCOL);
    FOUND(CHECKUP_PROTOCOL, "GetInfo fails: broken");
}

static void a_web_server_is_no_agent(void **state)
{
    (void)state;
    agent_http(404, "", "nothing", 7);
    assert_int_equal(look(), CHECKUP_CODE + CHECKUP_PROTOCOL);
    FOUND(CHECKUP_PROTOCOL, "no agent: GET /health is answered with 404");
    assert_int_equal(k.findings[CHECKUP_TOKEN].verdict, CHECKUP_SKIPPED);
}

static void one_that_says_nothing_is_given_up(void **state)
{
    (void)state;
    agent_answers("", false);
    agent.answers[0].hangs = true;
    assert_int_equal(look(), CHECKUP_CODE + CHECKUP_PROTOCOL);
    FOUND(CHECKUP_PROTOCOL, "no answer within 0.2 s");
}

static void nobody_is_a_socket_that_is_bad(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(target_parse(&ctl.target, "unix:/no/such", &e), 0);
    assert_int_equal(look(), CHECKUP_CODE + CHECKUP_SOCKET);
    FOUND(CHECKUP_SOCKET, "no such socket");
}

/* The VMM takes the connection and what we say, and closes. */
static void *closing_vmm(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);
    char line[64];

    (void)!recv(fd, line, sizeof line, 0);
    close(fd);
    return NULL;
}

static void a_vmm_that_closes_is_a_handshake_that_is_bad(void **state)
{
    char text[160];
    pthread_t vmm;
    struct err e;

    (void)state;
    snprintf(text, sizeof text, "hybrid:%s", agent.address.sun_path);
    assert_int_equal(target_parse(&ctl.target, text, &e), 0);
    assert_int_equal(pthread_create(&vmm, NULL, closing_vmm, &agent.listener), 0);
    checkup_run(&k);
    pthread_join(vmm, NULL);
    assert_int_equal(k.findings[CHECKUP_SOCKET].verdict, CHECKUP_OK);
    FOUND(CHECKUP_HANDSHAKE, "closed without OK; nothing listens on port 49983 in the guest");
    assert_int_equal(checkup_code(&k), CHECKUP_CODE + CHECKUP_HANDSHAKE);
}

static void json_holds_what_was_found(void **state)
{
    struct chain json = {0};
    struct writer w;

    (void)state;
    find(&k, CHECKUP_CGROUPS, CHECKUP_BAD, "\"none\"");
    writer_init(&w, &json, NULL, SIZE_MAX);
    checkup_write(&k, &w);
    writer_char(&w, 0);
    assert_int_equal(writer_done(&w), 0);
    assert_non_null(
        strstr((char *)chain_item_at(&json, 0)->data,
               "{\"check\":\"cgroups\",\"verdict\":\"bad\",\"text\":\"\\\"none\\\"\"}],\"exit_code\":16}\n"));
    chain_clear(&json);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(all_is_well),
        T(the_first_bad_one_is_the_code),
        T(an_older_and_a_newer_one_are_noted),
        T(the_clock_is_judged_by_what_is_certain),
        T(cgroups_that_were_turned_off_are_no_fault),
        T(tokens_are_told_apart),
        T(another_agent_is_no_guestd),
        T(a_web_server_is_no_agent),
        T(one_that_says_nothing_is_given_up),
        T(nobody_is_a_socket_that_is_bad),
        T(a_vmm_that_closes_is_a_handshake_that_is_bad),
        T(json_holds_what_was_found),
    };

    return RUN(tests);
}
