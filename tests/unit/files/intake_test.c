/* What becomes of a body's bytes, however they are cut. The system tests drive it over a socket; here is what cannot be made there. */
#include "files/intake.h"

#include <stdio.h>
#include <unistd.h>

#include "test.h"

#define TYPE "multipart/form-data; boundary=B"

static char dir[64];
static struct settings settings;
static struct intake in;
static struct err e;

static int setup(void **state)
{
    char self[16];

    (void)state;
    snprintf(self, sizeof self, "%u", geteuid());
    strcpy(dir, "/tmp/guestd-intake-XXXXXX");
    if (!mkdtemp(dir) || settings_init(&settings, self, &e) < 0)
        return -1;
    intake_init(&in);
    return fs_caller_init(&in.caller, NULL, settings.env, false);
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    intake_clear(&in);
    settings_destroy(&settings);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void path_to(const char *name)
{
    free(in.path);
    assert_true(asprintf(&in.path, "%s/%s", dir, name) > 0);
}

static void feed(const char *text, bool end)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};

    intake_feed(&in, &iov, text[0] != 0, end);
}

static void assert_file(const char *name, const char *want)
{
    char path[128], text[256] = "";
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof text - 1, f), strlen(want));
    fclose(f);
    assert_string_equal(text, want);
}

static void one_file(void **state)
{
    (void)state;
    path_to("a");
    feed("one ", false);
    assert_true(intake_is_open(&in));
    feed("", false);
    feed("two", false);
    assert_false(in.finished);
    feed("", true);
    assert_true(in.finished && !in.failed);
    assert_false(intake_is_open(&in));
    assert_int_equal(in.count, 1);
    assert_string_equal(in.files[0].path, in.path);
    assert_file("a", "one two");
}

/* Three parts of one file each, and a fourth that is none. */
static void parts_in_any_pieces(void **state)
{
    char body[1024];
    size_t n;

    for (size_t piece = 1; piece < 300; piece += 13) {
        assert_int_equal(setup(state), 0);
        n = (size_t)snprintf(
            body, sizeof body,
            "--B\r\nContent-Disposition: form-data; name=file; filename=\"%s/a\"\r\n\r\nA\r\n"
            "--B\r\nContent-Disposition: form-data; name=other; filename=\"%s/none\"\r\n\r\nO\r\n"
            "--B\r\nContent-Disposition: form-data; name=file; filename=\"%s/b\"\r\n\r\n\r\n"
            "--B\r\nContent-Disposition: form-data; name=file; filename=\"%s/c\"\r\n\r\nC\r\n-\r\n--B--",
            dir, dir, dir, dir);
        in.parts = true;
        assert_int_equal(multipart_init(&in.multipart, BYTES_LIT(TYPE), &e), 0);
        for (size_t at = 0; at < n; at += piece) {
            struct iovec iov = {body + at, MIN(piece, n - at)};

            intake_feed(&in, &iov, 1, at + piece >= n);
        }
        assert_true(in.finished && !in.failed);
        assert_int_equal(in.count, 3);
        assert_file("a", "A");
        assert_file("b", "");
        assert_file("c", "C\r\n-");
        assert_int_equal(teardown(state), 0);
    }
}

static void the_same_path_twice(void **state)
{
    (void)state;
    path_to("a");
    in.parts = true;
    assert_int_equal(multipart_init(&in.multipart, BYTES_LIT(TYPE), &e), 0);
    feed("--B\r\nContent-Disposition: form-data; name=file\r\n\r\n1\r\n", false);
    feed("--B\r\nContent-Disposition: form-data; name=file\r\n\r\n2\r\n--B--", true);
    assert_true(in.failed);
    assert_int_equal(in.error.status, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(in.error.text, "only the first specified file was uploaded"));
    assert_null(strstr(in.error.text, "also the following"));
    assert_file("a", "1");
}

static void refused_only_for_those_who_exist(void **state)
{
    (void)state;
    in.refused = true;
    err_set(&in.error, STATUS_INVALID_ARGUMENT, 0, "no");
    feed("", true);
    assert_true(in.failed);
    assert_string_equal(in.error.text, "no");
    intake_clear(&in);
    intake_init(&in);
    in.refused = true;
    assert_int_equal(fs_caller_init(&in.caller, "nobody-of-that-name", settings.env, false), 0);
    feed("", true);
    assert_int_equal(in.error.status, STATUS_UNAUTHENTICATED);
    assert_string_equal(
        in.error.text, "error looking up user 'nobody-of-that-name': user: unknown user nobody-of-that-name");
}

static void a_disk_that_is_full(void **state)
{
    (void)state;
    in.path = strdup("/dev/full");
    in.options.special = true;
    in.length = 3;
    feed("abc", true);
    assert_true(in.failed);
    assert_string_equal(in.error.text, "attempted to write 3 bytes: not enough disk space available");
    assert_false(intake_is_open(&in));
}

static void given_up(void **state)
{
    (void)state;
    path_to("a");
    feed("part", false);
    intake_abandon(&in);
    assert_false(intake_is_open(&in));
    assert_file("a", "part");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_file),
        cmocka_unit_test(parts_in_any_pieces),
        T(the_same_path_twice),
        T(refused_only_for_those_who_exist),
        T(a_disk_that_is_full),
        T(given_up),
    };

    return RUN(tests);
}
