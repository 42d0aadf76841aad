/* Whose first process we are: told by our pid, and by the shown of the pid namespace. */
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

static pid_t our_pid;
static ino_t shown; /* 0: no /proc */

static int stat_seen(const char *path, struct stat *st)
{
    assert_string_equal(path, "/proc/self/ns/pid");
    st->st_ino = shown;
    return shown ? 0 : -1;
}

#define stat(path, st) stat_seen(path, st)
#define getpid()       our_pid

#include "init/machine.c"

#undef stat
#undef getpid

static void the_first_namespace_has_a_fixed_number(void **state)
{
    (void)state;
    our_pid = 1;
    shown = 4026531836; /* as readlink /proc/self/ns/pid shows it on any machine */
    assert_true(machine_is_ours());
    assert_false(machine_is_shared());
    our_pid = 2;
    assert_false(machine_is_ours());
}

static void a_container_has_another(void **state)
{
    (void)state;
    our_pid = 1;
    shown = 4026532345;
    assert_false(machine_is_ours());
    assert_true(machine_is_shared());
}

static void without_proc_nothing_is_known(void **state)
{
    (void)state;
    our_pid = 1;
    shown = 0;
    assert_false(machine_is_ours());
    assert_false(machine_is_shared());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_namespace_has_a_fixed_number),
        cmocka_unit_test(a_container_has_another),
        cmocka_unit_test(without_proc_nothing_is_known),
    };

    return RUN(tests);
}
