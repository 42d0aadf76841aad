#include "core/thread.h"

#include <errno.h>

int __wrap___clone3(struct clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
    int ret = __real___clone3(args, size, fn, arg);

    if (ret < 0 && errno == EPERM)
        errno = ENOSYS;
    return ret;
}
