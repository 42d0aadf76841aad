#include "init/entropy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#include <linux/random.h>

#include "core/fd.h"

#define HWRNG  "/dev/hwrng"
#define RANDOM "/dev/urandom"

enum {
    WANTED = 32,    /* bytes: what the kernel's generator needs (drivers/char/random.c, POOL_READY_BITS) */
    SEED_MAX = 512, /* bytes that are taken of a seed file */
    SEED_SIZE = 64, /* bytes of the one that we write */
};

static bool is_hungry(void)
{
    char byte;

    return getrandom(&byte, 1, GRND_NONBLOCK) < 0 && errno == EAGAIN;
}

/* Gives the kernel bytes, and counts all of their bits. */
static int count_bytes(const uint8_t *bytes, size_t len, struct err *e)
{
    _Alignas(struct rand_pool_info) uint8_t pool[sizeof(struct rand_pool_info) + SEED_MAX];
    struct rand_pool_info *info = (struct rand_pool_info *)(void *)pool;
    CLEANUP_FD int fd = open(RANDOM, O_WRONLY | O_CLOEXEC);
    int result;

    *info = (struct rand_pool_info){.entropy_count = (int)len * 8, .buf_size = (int)len};
    memcpy(info->buf, bytes, len);
    result = fd >= 0 ? ioctl(fd, RNDADDENTROPY, info) : -1;
    explicit_bzero(pool, sizeof pool);
    return result < 0 ? err_set(e, STATUS_INTERNAL, errno, "%s: add randomness", RANDOM) : 0;
}

/* What the device gives at once. That it is not there, or has nothing, is no failure. */
static int feed_of_device(struct entropy_report *report, struct err *e)
{
    CLEANUP_FD int fd = open(HWRNG, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint8_t bytes[2 * WANTED] = {0};
    ssize_t n = fd >= 0 ? RETRY_EINTR(read(fd, bytes, sizeof bytes)) : -1;

    if (n <= 0)
        return 0;
    if (count_bytes(bytes, (size_t)n, e) < 0)
        return -1;
    report->hwrng_bytes = (unsigned)n;
    return 0;
}

/* Reads the file into `bytes` and takes it away for good. Returns its length, 0 when there is none, or -1 with *e. */
static ssize_t take_seed(const char *path, uint8_t bytes[SEED_MAX], struct err *e)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd >= 0 ? RETRY_EINTR(read(fd, bytes, SEED_MAX)) : -1;

    if (n < 0)
        return errno == ENOENT ? 0 : err_set(e, STATUS_INTERNAL, errno, "read %s", path);
    if (n < WANTED)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%s: %zd bytes are too few, it takes %d", path, n,
                       WANTED);
    if (unlink(path) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "%s is not used, because it cannot be used up", path);
    syncfs(fd);
    return n;
}

static int leave_seed(const char *path, struct err *e)
{
    CLEANUP_FD int fd = -1;
    uint8_t bytes[SEED_SIZE];
    bool good;

    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != sizeof bytes)
        return err_set(e, STATUS_UNAVAILABLE, 0, "write %s: there is no randomness yet", path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    good = fd >= 0 && RETRY_EINTR(write(fd, bytes, sizeof bytes)) == (ssize_t)sizeof bytes && fsync(fd) == 0;
    explicit_bzero(bytes, sizeof bytes);
    return good ? 0 : err_set(e, STATUS_INTERNAL, errno, "write %s", path);
}

static int feed_of_file(const char *path, struct entropy_report *report, struct err *e)
{
    uint8_t bytes[SEED_MAX] = {0};
    ssize_t n = take_seed(path, bytes, e);
    int result = n > 0 ? count_bytes(bytes, (size_t)n, e) : (int)n;

    explicit_bzero(bytes, sizeof bytes);
    if (n > 0 && result == 0)
        report->seed_bytes = (unsigned)n;
    return result < 0 || is_hungry() ? result : leave_seed(path, e);
}

int entropy_feed(const char *seed_file, struct entropy_report *report, struct err *e)
{
    *report = (struct entropy_report){0};
    if (!is_hungry())
        return 0;
    if (feed_of_device(report, e) < 0)
        return -1;
    return seed_file ? feed_of_file(seed_file, report, e) : 0;
}
