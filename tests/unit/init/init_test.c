/* The descriptors that PID 1 begins with. */
#include "init/child.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int open_seen(const char *path, int flags)
{
    /* /dev/full: a device that every machine has */
    return open(strcmp(path, "/dev/console") == 0 ? "/dev/full" : path, flags);
}

#define open(path, flags) open_seen(path, flags)
#include "init/init.c"
#undef open

static bool is_console(int fd)
{
    struct stat st, console;

    return fstat(fd, &st) == 0 && stat("/dev/full", &console) == 0 && st.st_rdev == console.st_rdev;
}

/* The kernel gave none: as in a machine whose initramfs has no /dev/console. */
static int without_descriptors(void)
{
    for (int fd = 0; fd < 64; fd++)
        close(fd);
    init_early();
    for (int fd = 0; fd < 3; fd++)
        if (!is_console(fd))
            return 1 + fd;
    return fcntl(3, F_GETFD) < 0 ? 0 : 9; /* and no more than that */
}

/* Some are there, but not the last: 2 is what the log needs. */
static int with_a_gap(void)
{
    close(2);
    init_early();
    return is_console(0) && is_console(1) && is_console(2) ? 0 : 1;
}

static int with_all(void)
{
    init_early();
    return is_console(0) || is_console(1) || is_console(2) ? 1 : 0;
}

static void descriptors_lead_to_the_console_when_there_are_none(void **state)
{
    (void)state;
    assert_int_equal(in_child(without_descriptors), 0);
    assert_int_equal(in_child(with_a_gap), 0);
}

static void descriptors_that_are_there_stay(void **state)
{
    (void)state;
    assert_int_equal(in_child(with_all), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_lead_to_the_console_when_there_are_none),
        cmocka_unit_test(descriptors_that_are_there_stay),
    };

    return RUN(tests);
}
