#include "guest/trust.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "test.h"

#define PEM(s) "-----BEGIN CERTIFICATE-----\n" s "\n-----END CERTIFICATE-----\n"

static char dir[64], bundle[128], copy[128];
static struct err e;

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void assert_file(const char *path, const char *text)
{
    char got[1024];

    assert_true(fd_read_file(-1, path, got, sizeof got) >= 0);
    assert_string_equal(got, text);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/guestd-unit-trust-%d", getpid());
    snprintf(bundle, sizeof bundle, "%s/bundle", dir);
    snprintf(copy, sizeof copy, "%s/sub/copy", dir);
    return mkdir(dir, 0755);
}

static int teardown(void **state)
{
    char command[160];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void a_certificate_is_added_to_the_others(void **state)
{
    struct stat st;

    (void)state;
    put(bundle, PEM("system"));
    assert_int_equal(trust_install(bundle, copy, PEM("one"), &e), 0);
    assert_file(bundle, PEM("system") PEM("one"));
    assert_file(copy, PEM("one"));
    assert_int_equal(stat(bundle, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
}

static void the_next_one_takes_its_place(void **state)
{
    (void)state;
    put(bundle, PEM("a") PEM("b"));
    assert_int_equal(trust_install(bundle, copy, PEM("one"), &e), 0);
    assert_int_equal(trust_install(bundle, copy, PEM("two"), &e), 0);
    assert_file(bundle, PEM("a") PEM("b") PEM("two"));
    assert_file(copy, PEM("two"));
}

static void what_is_there_is_left_alone(void **state)
{
    struct stat before, after;

    (void)state;
    put(bundle, "");
    assert_int_equal(trust_install(bundle, copy, PEM("one") "\n\n", &e), 0);
    assert_int_equal(stat(bundle, &before), 0);
    assert_int_equal(trust_install(bundle, copy, PEM("one"), &e), 0);
    assert_int_equal(stat(bundle, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    put(bundle, PEM("new")); /* somebody made it anew without ours */
    assert_int_equal(trust_install(bundle, copy, PEM("one"), &e), 0);
    assert_file(bundle, PEM("new") PEM("one"));
}

static void a_bundle_may_be_missing_or_lack_its_last_lines_end(void **state)
{
    (void)state;
    assert_int_equal(trust_install(bundle, copy, PEM("one"), &e), 0);
    assert_file(bundle, PEM("one"));
    put(bundle, "text");
    assert_int_equal(trust_install(bundle, copy, PEM("two"), &e), 0);
    assert_file(bundle, "text\n" PEM("two"));
}

static void what_is_no_certificate_is_refused(void **state)
{
    (void)state;
    put(bundle, "text");
    assert_int_equal(trust_install(bundle, copy, "", &e), -1);
    assert_int_equal(trust_install(bundle, copy, "-----BEGIN CERTIFICATE-----", &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_file(bundle, "text");
    assert_int_equal(truncate(bundle, TRUST_FILE_MAX + 1), 0);
    assert_int_equal(trust_install(bundle, copy, PEM("one"), &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_certificate_is_added_to_the_others), T(the_next_one_takes_its_place),
        T(what_is_there_is_left_alone),          T(a_bundle_may_be_missing_or_lack_its_last_lines_end),
        T(what_is_no_certificate_is_refused),
    };

    return RUN(tests);
}
