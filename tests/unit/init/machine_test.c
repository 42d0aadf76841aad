/* Whose first process we are: told by our pid, by whose keys the kernel gives us, and by the number of the pid namespace. */
#include "test.h"

#include <errno.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static pid_t our_pid;
static ino_t shown; /* 0: no /proc */
static int refusal; /* of reboot(2): an errno, or 0 */
static unsigned asked;

static int reboot_seen(int what)
{
    assert_int_equal(what, RB_DISABLE_CAD);
    asked++;
    errno = refusal;
    return refusal ? -1 : 0;
}

static int stat_seen(const char *path, struct stat *st)
{
    assert_string_equal(path, "/proc/self/ns/pid");
    st->st_ino = shown;
    return shown ? 0 : -1;
}

#define stat(path, st) stat_seen(path, st)
#define getpid()       our_pid
#define reboot(what)   reboot_seen(what)

#include "init/machine.c"

#undef stat
#undef getpid
#undef reboot

static void the_keys_are_the_first_process_s(void **state)
{
    (void)state;
    our_pid = 1;
    refusal = 0;
    assert_true(machine_take());
    assert_int_equal(asked, 1);
    refusal = EINVAL; /* in another pid namespace */
    assert_false(machine_take());
    refusal = EPERM; /* without CAP_SYS_BOOT */
    assert_false(machine_take());
    our_pid = 2;
    refusal = 0;
    asked = 0;
    assert_false(machine_take());
    assert_int_equal(asked, 0);
}

static void the_first_namespace_has_a_fixed_number(void **state)
{
    (void)state;
    shown = 4026531836; /* as readlink /proc/self/ns/pid shows it on any machine */
    assert_false(machine_is_shared());
    shown = 4026532345;
    assert_true(machine_is_shared());
    shown = 0; /* without /proc nothing is known */
    assert_false(machine_is_shared());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_are_the_first_process_s),
        cmocka_unit_test(the_first_namespace_has_a_fixed_number),
    };

    return RUN(tests);
}
