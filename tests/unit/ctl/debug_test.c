/* debug: what is collected, what is left out of it, and what is told when something is missing. */
#include "test.h"

#include "ctl_rig.h"

#include "ctl/debug.c"

static struct ctl ctl;
static struct answer_error e;
static struct debug d;

static int setup(void **state)
{
    codec_init();
    ctl = (struct ctl){.token = NULL};
    d = (struct debug){.ctl = &ctl, .until_ms = UINT64_MAX, .arena = {.max = DECODE_MAX}};
    return agent_setup(state) < 0 ? -1 : target_parse(&ctl.target, agent.target, &e.err);
}

static int teardown(void **state)
{
    client_close(&d.client);
    arena_clear(&d.arena);
    buffer_clear(&d.missing);
    return agent_teardown(state);
}

static void answer(const ProtobufCMessage *m)
{
    static uint8_t packed[4096];

    agent_http(200, "Content-Type: application/proto\r\n", packed, protobuf_c_message_pack(m, packed));
}

/* Takes one part of the scripted agent, as text. */
static const char *taken(int (*part)(struct debug *, struct buffer *, struct answer_error *))
{
    static char text[4096];
    struct buffer out = {0};

    agent_start();
    assert_int_equal(part(&d, &out, &e), 0);
    agent_finish();
    snprintf(text, sizeof text, "%.*s", (int)buffer_len(&out), buffer_bytes(&out).ptr);
    buffer_clear(&out);
    return text;
}

static void of_processes_names_stay(void **state)
{
    Process__ProcessConfig__EnvsEntry env = PROCESS__PROCESS_CONFIG__ENVS_ENTRY__INIT;
    Process__ProcessConfig__EnvsEntry *envs[] = {&env};
    Process__ProcessConfig config = PROCESS__PROCESS_CONFIG__INIT;
    Process__ProcessInfo info = PROCESS__PROCESS_INFO__INIT, bare = PROCESS__PROCESS_INFO__INIT;
    Process__ProcessInfo *both[] = {&info, &bare};
    Process__ListResponse r = PROCESS__LIST_RESPONSE__INIT;
    char name[] = "KEY", hidden[] = "hunter2", cmd[] = "curl", *args[] = {hidden, hidden};

    (void)state;
    env.key = name;
    env.value = hidden;
    config.cmd = cmd;
    config.args = args;
    config.n_args = 2;
    config.envs = envs;
    config.n_envs = 1;
    info.config = &config;
    info.pid = 5;
    r.processes = both;
    r.n_processes = 2;
    answer(&r.base);
    assert_string_equal(taken(take_processes), "{\"processes\":[{\"config\":{\"cmd\":\"curl\",\"args\":[\"***"
                                               "\",\"***\"],\"envs\":{\"KEY\":\"***\"}},"
                                               "\"pid\":5},{}]}\n");
}

static void the_log_is_text(void **state)
{
    Guest__V1__GetLogResponse r = GUEST__V1__GET_LOG_RESPONSE__INIT;
    char text[] = "one\ntwo\n";

    (void)state;
    r.text = text;
    answer(&r.base);
    assert_string_equal(taken(take_log), "one\ntwo\n");
}

static void metrics_come_as_they_are(void **state)
{
    struct buffer out = {0};

    (void)state;
    agent_http(200, "Content-Type: application/json\r\n", "{\"ts\":1}\n", 9);
    assert_string_equal(taken(take_metrics), "{\"ts\":1}\n");
    agent.count = 0;
    client_close(&d.client);
    agent_http(500, "", "", 0);
    agent_start();
    assert_int_equal(take_metrics(&d, &out, &e), -1);
    agent_finish();
    assert_string_equal(e.err.text, "/metrics answered 500");
    buffer_clear(&out);
}

static void the_manifest_names_the_target(void **state)
{
    (void)state;
    ctl.target.text = "unix:/a\"b";
    assert_memory_equal(taken(take_manifest), "{\"guestctl\":\"" GUESTD_VERSION "\",\"taken\":\"20",
                        strlen("{\"guestctl\":\"" GUESTD_VERSION "\",\"taken\":\"20"));
    assert_non_null(strstr(taken(take_manifest), "\"target\":\"unix:/a\\\"b\",\"uid\":"));
}

/* Without an agent there are still doctor's findings. */
static void what_is_missing_is_told(void **state)
{
    char path[64], command[160], list[512];
    FILE *f;
    size_t n;

    (void)state;
    snprintf(path, sizeof path, "/tmp/guestd-debug-%d.tgz", (int)getpid());
    assert_int_equal(GUESTCTL("-t", "unix:/no/such", "debug", "-o", path), CTL_REFUSED);
    assert_non_null(strstr(said, "guestctl: debug: without info.json: unix:/no/such: no such socket"));
    assert_non_null(strstr(said, "without log.txt: "));
    assert_null(strstr(said, "doctor.json"));
    assert_memory_equal(printed, path, strlen(path));
    snprintf(command, sizeof command,
             "tar tzf %s | sed 's,.*/,,' | tr '\\n' ' '; tar xzOf %s --wildcards '*/missing.txt'", path,
             path);
    f = popen(command, "r");
    assert_non_null(f);
    n = fread(list, 1, sizeof list - 1, f);
    list[n] = 0;
    assert_int_equal(pclose(f), 0);
    assert_memory_equal(list,
                        "manifest.json doctor.json missing.txt info.json: unix:/no/such: no such socket", 78);
    assert_int_equal(unlink(path), 0);
}

static void where_it_cannot_be_written_nothing_stays(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("-t", "unix:/no/such", "debug", "-o", "/no/such/file"), CTL_FAILED);
    assert_string_equal(said, "guestctl: debug: '/no/such/file': no such file or directory\n");
    assert_int_equal(GUESTCTL("debug", "x"), CTL_USAGE);
    assert_int_equal(GUESTCTL("debug", "--frob"), CTL_USAGE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(of_processes_names_stay),  T(the_log_is_text),
        T(metrics_come_as_they_are), T(the_manifest_names_the_target),
        T(what_is_missing_is_told),  T(where_it_cannot_be_written_nothing_stays),
    };

    return RUN(tests);
}
