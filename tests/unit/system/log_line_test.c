#include "system/log_line.h"

#include "test.h"

static char text[4096];

/* The line behind its timestamp. */
static const char *line(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    struct chain out = {0};
    struct writer w;

    writer_init(&w, &out, NULL, sizeof text - 1);
    log_line_begin(&w, level, event, fields, n);
    log_line_end(&w, "i", "t\"");
    assert_int_equal(writer_done(&w), 0);
    chain_peek(&out, text, out.bytes);
    text[out.bytes] = 0;
    chain_clear(&out);
    assert_memory_equal(text, "{\"timestamp\":\"20", 16);
    return strchr(text + 16, ',');
}

static void a_line_is_an_object(void **state)
{
    const struct log_field fields[] = {LOG_STR("a", "x\"\n"), LOG_INT("b", -7)};

    (void)state;
    assert_string_equal(line(LOG_WARN, "some.event", fields, 2),
                        ",\"level\":\"warn\",\"message\":\"some.event\",\"a\":\"x\\\"\\n\",\"b\":-7,"
                        "\"instanceID\":\"i\",\"envID\":\"t\\\"\"}");
    assert_string_equal(line(LOG_DEBUG, "e", NULL, 0),
                        ",\"level\":\"debug\",\"message\":\"e\",\"instanceID\":\"i\",\"envID\":\"t\\\"\"}");
}

static void processes_are_told_as_envd_does(void **state)
{
    const struct log_field start[] = {LOG_INT("process.pid", 7)},
                           end[] = {LOG_INT("process.pid", 7), LOG_INT("process.exit.code", 3),
                                    LOG_INT("process.exit.signal", 0)},
                           good[] = {LOG_INT("process.exit.code", 0)},
                           killed[] = {LOG_INT("process.exit.code", -1), LOG_INT("process.exit.signal", 9)};

    (void)state;
    assert_non_null(
        strstr(line(LOG_INFO, "process.start", start, 1),
               ",\"event_type\":\"process_start\",\"pid\":7,\"message\":\"Process with pid 7 started\","));
    assert_non_null(
        strstr(line(LOG_INFO, "process.end", end, 3),
               ",\"event_type\":\"process_end\",\"pid\":7,\"process_result\":{\"exit_code\":3,"
               "\"exited\":true,\"status\":\"exit status 3\"},\"message\":\"Process with pid 7 ended\","));
    assert_non_null(
        strstr(line(LOG_INFO, "process.end", good, 1), "{\"exited\":true,\"status\":\"exit status 0\"}"));
    assert_non_null(
        strstr(line(LOG_INFO, "process.end", killed, 2), "{\"exit_code\":-1,\"status\":\"signal: killed\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_an_object),
        cmocka_unit_test(processes_are_told_as_envd_does),
    };

    return RUN(tests);
}
