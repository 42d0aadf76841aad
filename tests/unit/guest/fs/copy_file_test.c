#include "guest/fs/copy_file.h"

#include <errno.h>

#include <sys/syscall.h>
#include <sys/xattr.h>

#include "core/kernel.h"
#include "core/limits.h"
#include "refuse.h"
#include "tree.h"

/* Copies from an open file to the new file "to"; its size, or -1 with errno. */
static off_t copy(int from)
{
    struct stat st;
    uint64_t copied = 0;
    int to = open(below("to"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), ret, errnum;

    assert_int_equal(fstat(from, &st), 0);
    ret = fs_copy_content(from, to, &st, &stop, &copied);
    errnum = errno;
    assert_int_equal(fstat(to, &st), 0);
    if (ret == 0)
        assert_int_equal(st.st_size, copied);
    close(to);
    errno = errnum;
    return ret < 0 ? -1 : st.st_size;
}

static void data_and_holes(void **state)
{
    int fd = open(below("from"), O_RDWR | O_CREAT | O_CLOEXEC, 0600), to;
    char got[4];

    (void)state;
    assert_int_equal(copy(fd), 0);
    assert_int_equal(pwrite(fd, "head", 4, 0), 4);
    assert_int_equal(copy(fd), 4);
    assert_int_equal(pwrite(fd, "body", 4, 4 * (off_t)MIB), 4);
    assert_int_equal(ftruncate(fd, 8 * (off_t)MIB), 0);
    assert_int_equal(copy(fd), 8 * MIB);
    to = open(below("to"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(to, got, 4, 4 * (off_t)MIB), 4);
    assert_memory_equal(got, "body", 4);
    assert_int_equal(pread(to, got, 4, 4 * (off_t)MIB - 4), 4);
    assert_memory_equal(got, "\0\0\0", 4);
    close(to);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(ftruncate(fd, MIB), 0);
    assert_int_equal(copy(fd), MIB);
    close(fd);
}

/* It tells no size, and there is something to read. */
static void a_file_of_the_kernel(void **state)
{
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(copy(fd) > 100);
    close(fd);
}

static bool lacking; /* what follows says of copy_file_range */

static int copy_without(void)
{
    int fd = open(below("from"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (write(fd, "text", 4) != 4 || copy(fd) != 4 || copy(fd) != 4)
        return 1;
    return kernel_has(KERNEL_COPY_FILE_RANGE) == !lacking ? 0 : 2;
}

/* Where the kernel, or a filter, does not know the call that is found out once; a file system's refusal says nothing of others. */
static void where_the_kernel_cannot(void **state)
{
    static const int errors[] = {ENOSYS, EPERM, EINVAL};

    (void)state;
    lacking = true;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        assert_int_equal(with_refused(SYS_copy_file_range, errors[i], copy_without), 0);
    lacking = false;
    assert_int_equal(with_refused(SYS_copy_file_range, EXDEV, copy_without), 0);
}

static void it_can_be_stopped(void **state)
{
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

    (void)state;
    atomic_store(&stop, true);
    assert_int_equal(copy(fd), -1);
    assert_int_equal(errno, ECANCELED);
    atomic_store(&stop, false);
    close(fd);
}

static void attributes(void **state)
{
    struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 6, .tv_nsec = 7}};
    int from, to;
    struct stat st;
    char got[8];

    (void)state;
    make_file("from", "");
    make_file("to", "");
    from = open(below("from"), O_RDWR | O_CLOEXEC);
    to = open(below("to"), O_RDWR | O_CLOEXEC);
    assert_int_equal(fchown(from, 1000, 1001), 0);
    assert_int_equal(fchmod(from, 06751), 0);
    assert_int_equal(fsetxattr(from, "user.some", "value", 5, 0), 0);
    assert_int_equal(futimens(from, times), 0);
    assert_int_equal(fstat(from, &st), 0);
    assert_int_equal(fs_copy_attributes(from, to, &st), 0);
    st = stat_of("to");
    assert_int_equal(st.st_mode, S_IFREG | 06751);
    assert_int_equal(st.st_uid, 1000);
    assert_int_equal(st.st_gid, 1001);
    assert_int_equal(st.st_mtim.tv_sec, 6);
    assert_int_equal(st.st_mtim.tv_nsec, 7);
    assert_int_equal(fgetxattr(to, "user.some", got, sizeof got), 5);
    assert_memory_equal(got, "value", 5);
    close(from);
    close(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_and_holes),
        cmocka_unit_test(a_file_of_the_kernel),
        cmocka_unit_test(where_the_kernel_cannot),
        cmocka_unit_test(it_can_be_stopped),
        cmocka_unit_test(attributes),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, clear);
}
