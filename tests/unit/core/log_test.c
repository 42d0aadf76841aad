#include "core/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include "core/fd.h"
#include "core/limits.h"
#include "test.h"

/* Runs the statement with stderr going to a pipe, and gives what it wrote. */
static char captured[8192];
#define CAPTURE(statement)                                                                                   \
    do {                                                                                                     \
        int pipe_[2], old_ = dup(2);                                                                         \
        ssize_t n_;                                                                                          \
        assert_int_equal(pipe(pipe_), 0);                                                                    \
        dup2(pipe_[1], 2);                                                                                   \
        close(pipe_[1]);                                                                                     \
        statement;                                                                                           \
        dup2(old_, 2);                                                                                       \
        close(old_);                                                                                         \
        n_ = read(pipe_[0], captured, sizeof captured - 1);                                                  \
        captured[n_ > 0 ? n_ : 0] = 0;                                                                       \
        close(pipe_[0]);                                                                                     \
    } while (0)

static void text_cannot_be_forged(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_TEXT, false);
    CAPTURE(log_info("a.b", LOG_STR("k", "x\ny=\"z\" \xff"), LOG_INT("n", -5), LOG_STR("plain", "p")));
    assert_non_null(strstr(captured, " INFO a.b k=\"x\\u000ay=\\\"z\\\" \xef\xbf\xbd\" n=-5 plain=p\n"));
    CAPTURE(log_info("a.b", LOG_STR("k", "\xc3\xa4")));
    assert_non_null(strstr(captured, " k=\"\xc3\xa4\"\n"));
    CAPTURE(log_debug("not.this"));
    assert_string_equal(captured, "");
}

static void json_parses(void **state)
{
    json_t *j;

    (void)state;
    log_init(LOG_DEBUG, LOG_JSON, false);
    CAPTURE(log_debug("a.b", LOG_STR("k", "x\n\"\\\x01\xff"), LOG_INT("n", 7)));
    j = json_loads(captured, 0, NULL);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "event.name")), "a.b");
    assert_string_equal(json_string_value(json_object_get(j, "k")), "x\n\"\\\x01\xef\xbf\xbd");
    assert_int_equal(json_integer_value(json_object_get(j, "n")), 7);
    assert_string_equal(json_string_value(json_object_get(j, "severity")), "DEBUG");
    json_decref(j);
}

/* Nobody reads stderr: lines are dropped, the caller goes on, and the next line that fits says how many. */
static void a_full_stderr_drops(void **state)
{
    int p[2], old = dup(2);
    char nowhere[70000];

    (void)state;
    log_init(LOG_INFO, LOG_TEXT, false);
    assert_int_equal(pipe(p), 0);
    dup2(p[1], 2);
    for (int i = 0; i < 5000; i++)
        log_info("flood", LOG_STR("text", "0123456789012345678901234567890123456789"));
    assert_true(read(p[0], nowhere, sizeof nowhere) > 0);
    log_info("after");
    dup2(old, 2);
    close(old);
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    memset(nowhere, 0, sizeof nowhere);
    assert_true(read(p[0], nowhere, sizeof nowhere - 1) > 0);
    assert_non_null(strstr(nowhere, "log.dropped log.records="));
    assert_non_null(strstr(nowhere, "after"));
    close(p[0]);
    close(p[1]);
}

/* All of the ring as text. Returns what log_ring does. */
static char kept[LOG_RING_BYTES + 1];

static uint64_t read_ring(void)
{
    struct bytes piece[2];
    uint64_t logged = log_ring(piece);

    for (unsigned i = 0; i < 2; i++)
        memcpy(kept + (i ? piece[0].len : 0), piece[i].ptr, piece[i].len);
    kept[piece[0].len + piece[1].len] = 0;
    return logged;
}

static void the_ring_has_what_stderr_dropped(void **state)
{
    uint64_t before;
    int full[2], old = dup(2);

    (void)state;
    log_init(LOG_INFO, LOG_TEXT, false);
    before = read_ring();
    assert_int_equal(pipe(full), 0);
    fcntl(full[1], F_SETFL, O_NONBLOCK);
    while (write(full[1], "x", 1) == 1)
        ;
    dup2(full[1], 2);
    for (int i = 0; i < 3; i++)
        log_info("unseen");
    dup2(old, 2);
    close(old);
    close(full[0]);
    close(full[1]);
    assert_true(read_ring() >= before + 3 * strlen("unseen"));
    assert_string_equal(kept + strlen(kept) - strlen("INFO unseen\n"), "INFO unseen\n");
    CAPTURE(log_info("seen"));
    assert_non_null(strstr(captured, "log.dropped log.records=3\n"));
}

static void what_is_not_ascii_is_quoted(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_TEXT, false);
    CAPTURE(log_info("name", LOG_STR("a", "\xc3\xa4"), LOG_STR("b", "\xe4")));
    assert_non_null(strstr(captured, "a=\"\xc3\xa4\" b=\"\xef\xbf\xbd\"\n"));
}

static void the_ring_keeps_the_newest_lines(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_TEXT, true);
    CAPTURE(for (int i = 0; i < 3000; i++) log_info("line", LOG_INT("i", i)));
    assert_string_equal(captured, ""); /* only warnings reach the console */
    assert_true(read_ring() > LOG_RING_BYTES);
    assert_true(strlen(kept) > LOG_RING_BYTES - 100);
    assert_int_equal(kept[4], '-'); /* whole lines: it begins with a year */
    assert_non_null(strstr(kept, " i=2999\n"));
    assert_null(strstr(kept, " i=0\n"));
    CAPTURE(log_warn("careful"));
    assert_non_null(strstr(captured, "careful"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_cannot_be_forged),       cmocka_unit_test(json_parses),
        cmocka_unit_test(a_full_stderr_drops),         cmocka_unit_test(the_ring_has_what_stderr_dropped),
        cmocka_unit_test(what_is_not_ascii_is_quoted), cmocka_unit_test(the_ring_keeps_the_newest_lines),
    };

    return RUN(tests);
}
