/* The version that is told never promises what is not answered. */
#include "system/version.h"

#include <stdio.h>

#include "test.h"

static struct http http;

static void on_begin(struct http_exchange *x)
{
    (void)x;
}

static int setup(void **state)
{
    (void)state;
    http_init(&http, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_destroy(&http);
    return 0;
}

static void add(const char *method, const char *path)
{
    assert_int_equal(
        http_route_add(&http, &(struct http_route){.method = method, .path = path, .begin = on_begin}), 0);
}

static void add_first(void)
{
    static const char *const methods[] = {"List",        "Start",     "Connect",   "Update",
                                          "StreamInput", "SendInput", "SendSignal"};
    static char paths[ARRAY_LEN(methods)][64];

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        snprintf(paths[i], sizeof paths[i], "/process.Process/%s", methods[i]);
        add("POST", paths[i]);
    }
    add("GET", "/health");
    add("POST", "/init");
    add("GET", "/envs");
}

static void add_filesystem(void)
{
    static const char *const methods[] = {"Stat", "MakeDir", "Move", "ListDir", "Remove", "WatchDir"};
    static char paths[ARRAY_LEN(methods)][64];

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        snprintf(paths[i], sizeof paths[i], "/filesystem.Filesystem/%s", methods[i]);
        add("POST", paths[i]);
    }
    add("GET", "/files");
    add("POST", "/files");
}

static void nothing_answered_is_no_version(void **state)
{
    (void)state;
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.0.0");
    add("GET", "/health");
    add("POST", "/upgrade"); /* the newest alone is worth nothing */
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.0.0");
}

static void each_complete_step_raises_it(void **state)
{
    (void)state;
    add_first();
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.0.1");
    add_filesystem();
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.1.0");
    add("POST", "/filesystem.Filesystem/CreateWatcher");
    add("POST", "/filesystem.Filesystem/GetWatcherEvents");
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.1.0"); /* one of three is missing */
    add("POST", "/filesystem.Filesystem/RemoveWatcher");
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.1.4");
    add("GET", "/metrics");
    add("POST", "/process.Process/CloseStdin");
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.5.2");
}

static void a_gap_stops_it(void **state)
{
    (void)state;
    add_first();
    add("GET", "/metrics"); /* of 0.1.5, without 0.1.0 */
    add("POST", "/process.Process/CloseStdin");
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.0.1");
}

static void the_method_counts(void **state)
{
    (void)state;
    add_first();
    add_filesystem();
    add("POST", "/filesystem.Filesystem/CreateWatcher");
    add("POST", "/filesystem.Filesystem/GetWatcherEvents");
    add("POST", "/filesystem.Filesystem/RemoveWatcher");
    add("POST", "/metrics"); /* not GET */
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.1.4");
}

static void all_of_it_is_the_last_that_we_know(void **state)
{
    static const char *const later[] = {"/files/compose", "/freeze", "/unfreeze", "/collapse",
                                        "/fsfreeze",      "/fsthaw", "/upgrade"};

    (void)state;
    add_first();
    add_filesystem();
    add("POST", "/filesystem.Filesystem/CreateWatcher");
    add("POST", "/filesystem.Filesystem/GetWatcherEvents");
    add("POST", "/filesystem.Filesystem/RemoveWatcher");
    add("GET", "/metrics");
    add("POST", "/process.Process/CloseStdin");
    for (size_t i = 0; i < ARRAY_LEN(later); i++) {
        if (i + 1 == ARRAY_LEN(later)) /* all but the hand-over */
            assert_string_equal(version_told(&http, COMPAT_E2B), "0.6.11");
        add("POST", later[i]);
    }
    assert_string_equal(version_told(&http, COMPAT_E2B), "0.6.13");
}

/* Its host compares for equality. */
static void wrenn_is_told_its_own(void **state)
{
    (void)state;
    assert_string_equal(version_told(&http, COMPAT_WRENN), "0.2.0");
}

static void the_features_are_printed_behind_the_build(void **state)
{
    size_t count;
    const char *const *features = version_features(&count);
    char text[1024] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    char *line;

    (void)state;
    version_print(out);
    fclose(out);
    assert_int_equal(strncmp(text, "guestd " GUESTD_VERSION "\ncommit ", 15 + strlen(GUESTD_VERSION)), 0);
    line = strstr(text, "\nfeatures ");
    assert_non_null(line);
    assert_string_equal(line + strlen(line) - 1, "\n");
    for (size_t i = 0; i < count; i++)
        assert_non_null(strstr(line, features[i]));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_answered_is_no_version),
        T(each_complete_step_raises_it),
        T(a_gap_stops_it),
        T(the_method_counts),
        T(all_of_it_is_the_last_that_we_know),
        T(wrenn_is_told_its_own),
        T(the_features_are_printed_behind_the_build),
    };

    return RUN(tests);
}
