/* The test machine has all of the calls; a seccomp filter in a process of the test's own plays the kernels that lack one. */
#include "core/kernel.c"

#include "refuse.h"
#include "test.h"

static const int numbers[KERNEL_CALLS] = {
    [KERNEL_CLONE3] = SYS_clone3,
    [KERNEL_CLOSE_RANGE] = SYS_close_range,
    [KERNEL_CLOEXEC_RANGE] = SYS_close_range,
    [KERNEL_OPENAT2] = SYS_openat2,
    [KERNEL_STATX] = SYS_statx,
    [KERNEL_COPY_FILE_RANGE] = SYS_copy_file_range,
    [KERNEL_PREADV2] = SYS_preadv2,
    [KERNEL_COLLAPSE] = SYS_madvise,
};

static void all_are_here(void **state)
{
    (void)state;
    for (unsigned c = 0; c < KERNEL_CALLS; c++) {
        assert_int_equal(kernel_probe(c), 0);
        assert_true(kernel_has(c));
    }
}

/* A probe changes nothing: no child, no descriptor more or less. */
static void a_probe_does_nothing(void **state)
{
    int before = dup(0), after;

    (void)state;
    for (unsigned c = 0; c < KERNEL_CALLS; c++)
        assert_int_equal(kernel_probe(c), 0);
    after = dup(0);
    assert_int_equal(after, before + 1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    close(before);
    close(after);
}

/* What a file, a mount or a right made fail. */
static void another_failure_is_none_of_the_kernel(void **state)
{
    static const int errors[] = {EPERM, EACCES, EINVAL, ENOSYS, EOPNOTSUPP, E2BIG, ENOENT, EAGAIN, EMFILE};

    (void)state;
    for (unsigned c = 0; c < KERNEL_CALLS; c++) {
        for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
            errno = EXDEV;
            assert_false(kernel_lacks(c, errors[i]));
            assert_int_equal(errno, EXDEV);
        }
        assert_true(kernel_has(c));
    }
}

static unsigned looked_at;
static int answer;

/* The lack is found out at the first failure that can mean it, and remembered. */
static int find_the_lack(void)
{
    if (kernel_probe(looked_at) != answer || !kernel_has(looked_at))
        return 1;
    if (kernel_lacks(looked_at, ENOENT) || kernel_lacks(looked_at, ENOMEM) || !kernel_has(looked_at))
        return 2;
    errno = EXDEV;
    if (!kernel_lacks(looked_at, answer) || errno != EXDEV)
        return 3;
    for (unsigned c = 0; c < KERNEL_CALLS; c++)
        if (kernel_has(c) != (c != looked_at))
            return 4;
    return 0;
}

static void a_lack_is_found_and_remembered(void **state)
{
    static const int answers[] = {ENOSYS, EPERM, EACCES, EINVAL};

    (void)state;
    for (looked_at = 0; looked_at < KERNEL_CALLS; looked_at++) {
        for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
            answer = answers[i];
            assert_int_equal(with_refused(numbers[looked_at], answer, find_the_lack), 0);
        }
    }
}

/* clone3 of Linux 5.3 to 5.6 takes a smaller struct; E2BIG says that what is behind is not all zero. */
static int find_an_older_clone3(void)
{
    return kernel_lacks(KERNEL_CLONE3, E2BIG) && !kernel_has(KERNEL_CLONE3) ? 0 : 1;
}

static void an_older_clone3_is_a_lack(void **state)
{
    (void)state;
    assert_int_equal(with_refused(SYS_clone3, E2BIG, find_an_older_clone3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_here),
        cmocka_unit_test(a_probe_does_nothing),
        cmocka_unit_test(another_failure_is_none_of_the_kernel),
        cmocka_unit_test(a_lack_is_found_and_remembered),
        cmocka_unit_test(an_older_clone3_is_a_lack),
    };

    return RUN(tests);
}
