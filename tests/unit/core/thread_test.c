/* The linker gives libc's call its name in a static program only: here it is played. */
#include "core/thread.c"

#include "test.h"

static int ret, errnum;
static struct clone_args *seen;

int __real___clone3(struct clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
    assert_int_equal(size, 88);
    assert_null(fn);
    assert_ptr_equal(arg, &ret);
    seen = args;
    errno = errnum;
    return ret;
}

/* What libc gets for what the kernel, or a filter, answers. */
static int answer(int kernels_ret, int kernels_errno)
{
    struct clone_args *args = (struct clone_args *)(void *)&errnum;

    ret = kernels_ret;
    errnum = kernels_errno;
    assert_int_equal(__wrap___clone3(args, 88, NULL, &ret), kernels_ret);
    assert_ptr_equal(seen, args);
    return errno;
}

static void a_filter_s_word_becomes_the_kernel_s(void **state)
{
    (void)state;
    assert_int_equal(answer(-1, EPERM), ENOSYS);
    assert_int_equal(answer(-1, ENOSYS), ENOSYS);
    assert_int_equal(answer(-1, EAGAIN), EAGAIN);
    assert_int_equal(answer(42, EPERM), EPERM); /* of something else: it was made */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_s_word_becomes_the_kernel_s),
    };

    return RUN(tests);
}
