/* Our own priority: what is asked of the kernel, and who hears when it refuses. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static char path[] = "/tmp/guestd-guard-XXXXXX";
static int nice_asked, refusal; /* an errno, or 0 */

static int open_seen(const char *file, int flags)
{
    assert_string_equal(file, "/proc/self/oom_score_adj");
    errno = refusal;
    return refusal ? -1 : open(path, flags | O_TRUNC);
}

static int setpriority_seen(int value)
{
    nice_asked = value;
    errno = refusal;
    return refusal ? -1 : 0;
}

#define open(file, flags)             open_seen(file, flags)
#define setpriority(which, who, nice) setpriority_seen(nice)

#include "init/guard.c"

#undef open
#undef setpriority

static void check(const char *score)
{
    char text[16] = "";
    CLEANUP_FD int fd = open(path, O_RDONLY);

    assert_true(read(fd, text, sizeof text - 1) > 0);
    assert_string_equal(text, score);
}

static int quiet(void **state)
{
    (void)state;
    close(mkstemp(path));
    return freopen("/dev/null", "w", stderr) ? 0 : -1;
}

static int clean(void **state)
{
    (void)state;
    return unlink(path);
}

static void it_is_spared_and_runs_early(void **state)
{
    struct boot b = {.problem_count = 0};

    (void)state;
    refusal = 0;
    guard_self(&b);
    check("-1000");
    assert_int_equal(nice_asked, -10);
    assert_int_equal(b.problem_count, 0);
    guard_undo();
    check("0");
    assert_int_equal(nice_asked, 0);
}

static void a_container_may_not(void **state)
{
    struct boot b = {.problem_count = 0};

    (void)state;
    refusal = EACCES;
    guard_self(&b);
    assert_int_equal(b.problem_count, 0);
    refusal = EIO;
    guard_self(&b);
    assert_int_equal(b.problem_count, 2);
    boot_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_spared_and_runs_early),
        cmocka_unit_test(a_container_may_not),
    };

    return cmocka_run_group_tests(tests, quiet, clean);
}
