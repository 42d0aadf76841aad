/* Modules, as far as they can be loaded without a kernel: which files are handed to it, in which order and how. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base.h"

static struct {
    char dir[32];     /* stands for /lib/modules/RELEASE */
    char calls[1024]; /* a line each */
    int fails;        /* errno of finit_module(2) for compressed files; 0: none */
    int exists;       /* errno for all others */
} t;

static int uname_seen(struct utsname *u)
{
    strcpy(u->release, "R");
    return 0;
}

/* Files below /lib/modules/R lie in the test's directory. */
static int open_seen(const char *path, int flags)
{
    static const char there[] = "/lib/modules/R/";
    char moved[256];

    if (strncmp(path, there, sizeof there - 1) == 0) {
        snprintf(moved, sizeof moved, "%s/%s", t.dir, path + sizeof there - 1);
        path = moved;
    }
    return open(path, flags);
}

/* Writes down what the kernel is asked for. */
static long syscall_seen(long number, long a, long b, long c)
{
    size_t n = strlen(t.calls);
    char file[64], found[256];
    ssize_t len;

    if (number == SYS_init_module) {
        snprintf(t.calls + n, sizeof t.calls - n, "unpacked %.6s %ld %s\n", (const char *)a, b,
                 (const char *)c);
        return 0;
    }
    snprintf(file, sizeof file, "/proc/self/fd/%ld", a);
    len = readlink(file, found, sizeof found - 1);
    found[len] = 0;
    snprintf(t.calls + n, sizeof t.calls - n, "%s %s %ld\n", strrchr(found, '/') + 1, (const char *)b, c);
    errno = c != 0 ? t.fails : t.exists;
    return errno ? -1 : 0;
}

#define uname(u)                 uname_seen(u)
#define open(path, flags)        open_seen(path, flags)
#define syscall(number, a, b, c) syscall_seen(number, (long)(a), (long)(b), (long)(c))

#include "init/modules.c"

#undef uname
#undef open
#undef syscall

static void put(const char *name, const char *text)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", t.dir, name);
    f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static int setup(void **state)
{
    char path[64];
    gzFile gz;

    (void)state;
    memset(&t, 0, sizeof t);
    strcpy(t.dir, "/tmp/modules-test-XXXXXX");
    if (!mkdtemp(t.dir))
        return -1;
    put("a.ko", "x");
    put("b.ko.xz", "x");
    put("c-d.ko", "x");
    put("broken.ko.gz", "\x1f\x8bno");
    snprintf(path, sizeof path, "%s/packed.ko.gz", t.dir);
    gz = gzopen(path, "wb");
    gzputs(gz, "module");
    for (int i = 0; i < 100000; i++)
        gzputc(gz, 0);
    gzclose(gz);
    put("modules.dep",
        "c-d.ko: b.ko.xz a.ko\nb.ko.xz: a.ko\na.ko:\npacked.ko.gz:\nbroken.ko.gz:\ngone.ko:\n");
    put("modules.builtin", "kernel/fs/ext4/ext4.ko\n");
    return 0;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", t.dir);
    return system(command); // NOLINT(cert-env33-c,concurrency-mt-unsafe)
}

static void load(const char *statements, struct boot *b)
{
    struct config c;

    config_init(&c);
    config_take_text(&c, "f", bytes_of(statements));
    boot_begin(b);
    modules_load(&c, b);
    config_clear(&c);
}

static void after_what_they_need(void **state)
{
    struct boot b;

    (void)state;
    load("module c_d x=1 y=2\nmodule ext4\n", &b);
    assert_string_equal(t.calls, "a.ko  0\nb.ko.xz  4\nc-d.ko x=1 y=2 0\n");
    assert_int_equal(b.problem_count, 0); /* ext4 is built in */
}

static void by_their_paths(void **state)
{
    char text[128];
    struct boot b;

    (void)state;
    snprintf(text, sizeof text, "module %s/a.ko x=1\nmodule /no/such.ko\n", t.dir);
    load(text, &b);
    assert_string_equal(t.calls, "a.ko x=1 0\n");
    assert_int_equal(b.problem_count, 1);
    assert_string_equal(b.problems[0], "module /no/such.ko: open '/no/such.ko': no such file or directory");
    boot_clear(&b);
}

static void one_that_is_loaded_is_fine(void **state)
{
    struct boot b;

    (void)state;
    t.exists = EEXIST;
    load("module a\n", &b);
    assert_int_equal(b.problem_count, 0);
}

static void gzip_is_unpacked_where_the_kernel_does_not(void **state)
{
    struct boot b;

    (void)state;
    t.fails = EOPNOTSUPP;
    load("module packed x=1\n", &b);
    assert_string_equal(t.calls, "packed.ko.gz x=1 4\nunpacked module 100006 x=1\n");
    assert_int_equal(b.problem_count, 0);
}

static void what_cannot_be_loaded_is_told(void **state)
{
    struct boot b;

    (void)state;
    t.fails = EOPNOTSUPP;
    t.exists = ENOEXEC;
    load("module b\nmodule broken\nmodule gone\nmodule none\nmodule ../a\n", &b);
    assert_int_equal(b.problem_count, 5);
    assert_non_null(strstr(b.problems[0], "a.ko': exec format error")); /* what it needs */
    assert_non_null(strstr(b.problems[1], "broken.ko.gz': invalid argument"));
    assert_non_null(strstr(b.problems[2], "gone.ko': no such file or directory"));
    assert_string_equal(b.problems[3], "module none: '/lib/modules/R/modules.dep' names no such module");
    boot_clear(&b);
    t.exists = 0;
    load("module b\n", &b);
    assert_non_null(
        strstr(b.problems[0], "b.ko.xz' (the kernel does not unpack it: unpack it in the image)"));
    boot_clear(&b);
}

static void an_image_without_modules(void **state)
{
    char command[64];
    struct boot b;

    (void)state;
    snprintf(command, sizeof command, "rm %s/modules.dep", t.dir);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c,concurrency-mt-unsafe)
    load("module a\n", &b);
    assert_non_null(strstr(b.problems[0], "modules.dep': no such file or directory"));
    boot_clear(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(after_what_they_need),          T(by_their_paths),
        T(one_that_is_loaded_is_fine),    T(gzip_is_unpacked_where_the_kernel_does_not),
        T(what_cannot_be_loaded_is_told), T(an_image_without_modules),
    };

    return RUN(tests);
}
