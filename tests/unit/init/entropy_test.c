/* Randomness for a hungry kernel. What would change the machine's is ours here. */
#include "init/space.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <linux/random.h>

#include "core/fd.h"

static struct {
    int wanted;   /* bytes until the kernel has enough */
    int counted;  /* bits that were told to count */
    int size;     /* bytes that came along */
    bool refuses; /* to take any */
    uint8_t first;
} kernel;

static ssize_t fake_getrandom(void *out, size_t len, unsigned flags)
{
    (void)flags;
    if (kernel.counted < kernel.wanted * 8) {
        errno = EAGAIN;
        return -1;
    }
    memset(out, 0x5a, len);
    return (ssize_t)len;
}

static int fake_ioctl(int fd, unsigned long request, void *pool)
{
    const struct rand_pool_info *info = pool;

    (void)fd;
    if (request != RNDADDENTROPY || kernel.refuses) {
        errno = EPERM;
        return -1;
    }
    kernel.counted += info->entropy_count;
    kernel.size += info->buf_size;
    kernel.first = (uint8_t)info->buf[0];
    return 0;
}

static const char *hwrng;

static int fake_open(const char *path, int flags, unsigned mode)
{
    if (strcmp(path, "/dev/hwrng") == 0)
        path = hwrng;
    if (!path) {
        errno = ENOENT;
        return -1;
    }
    return open(path, flags, mode);
}

#define OPEN3(path, flags, mode, ...) fake_open(path, flags, mode)
#define open(...)                     OPEN3(__VA_ARGS__, 0u, 0u)
#define ioctl(fd, request, pool)      fake_ioctl(fd, request, pool)
#define getrandom                     fake_getrandom
#include "init/entropy.c"
#undef open

#define SEED "/mnt/seed"

static struct entropy_report report;
static struct err e;

static int begin(int wanted, const char *device)
{
    memset(&kernel, 0, sizeof kernel);
    kernel.wanted = wanted;
    hwrng = device;
    return lay_empty("/mnt");
}

static int seed_size(void)
{
    struct stat st;

    return stat(SEED, &st) == 0 ? (int)st.st_size : -1;
}

static const char seed[] = "0123456789abcdef0123456789abcdef"; /* 32 bytes, and a NUL */

static int enough(void)
{
    NEED(begin(0, "/dev/zero") == 0 && write_text(SEED, seed) == 0);
    NEED(entropy_feed(SEED, &report, &e) == 0);
    NEED(kernel.size == 0 && report.hwrng_bytes == 0 && report.seed_bytes == 0);
    NEED(strcmp(text_of_file(SEED), seed) == 0); /* not used up */
    return 0;
}

static int by_the_device(void)
{
    NEED(begin(32, "/dev/zero") == 0);
    NEED(entropy_feed(NULL, &report, &e) == 0);
    NEED(kernel.counted == 64 * 8 && kernel.size == 64 && report.hwrng_bytes == 64);
    /* A seed file that was asked for begins its life now. */
    NEED(begin(32, "/dev/zero") == 0);
    NEED(entropy_feed(SEED, &report, &e) == 0 && seed_size() == 64);
    return 0;
}

static int by_the_file(void)
{
    struct stat st;

    NEED(begin(32, NULL) == 0 && write_text(SEED, seed) == 0);
    NEED(entropy_feed(SEED, &report, &e) == 0);
    NEED(kernel.counted == 32 * 8 && kernel.size == 32 && report.seed_bytes == 32);
    NEED(kernel.first == '0' && seed_size() == 64); /* another one is there */
    NEED(stat(SEED, &st) == 0 && (st.st_mode & 07777) == 0600);
    NEED(text_of_file(SEED)[0] == 0x5a);
    return 0;
}

static int not_twice(void)
{
    NEED(begin(32, NULL) == 0 && write_text(SEED, seed) == 0);
    NEED(mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    NEED(entropy_feed(SEED, &report, &e) == -1);
    NEED(strcmp(e.text, "/mnt/seed is not used, because it cannot be used up: read-only file system") == 0);
    NEED(kernel.size == 0);
    return 0;
}

static int too_short(void)
{
    NEED(begin(32, NULL) == 0 && write_text(SEED, "short") == 0);
    NEED(entropy_feed(SEED, &report, &e) == -1 && strstr(e.text, "5 bytes are too few"));
    NEED(kernel.size == 0 && seed_size() == 5);
    NEED(unlink(SEED) == 0);
    NEED(symlink("/dev/zero", SEED) == 0);
    NEED(entropy_feed(SEED, &report, &e) == -1 && kernel.size == 0); /* a link is no file */
    return 0;
}

static int nothing_at_all(void)
{
    NEED(begin(32, NULL) == 0);
    NEED(entropy_feed(NULL, &report, &e) == 0 && kernel.size == 0);
    NEED(entropy_feed(SEED, &report, &e) == 0 && kernel.size == 0 && seed_size() == -1);
    hwrng = "/dev/null"; /* a device that has nothing */
    NEED(entropy_feed(NULL, &report, &e) == 0 && kernel.size == 0);
    return 0;
}

static int refused(void)
{
    NEED(begin(32, "/dev/zero") == 0);
    kernel.refuses = true;
    NEED(entropy_feed(NULL, &report, &e) == -1);
    NEED(strcmp(e.text, "/dev/urandom: add randomness: operation not permitted") == 0 &&
         report.hwrng_bytes == 0);
    return 0;
}

IN_SPACE(a_kernel_that_has_enough_gets_nothing, enough)
IN_SPACE(the_device_is_counted_in_bits, by_the_device)
IN_SPACE(a_seed_is_used_and_replaced, by_the_file)
IN_SPACE(a_seed_that_stays_is_not_used, not_twice)
IN_SPACE(a_seed_must_be_a_file_of_32_bytes, too_short)
IN_SPACE(without_any_source_nothing_is_made_up, nothing_at_all)
IN_SPACE(a_kernel_that_refuses_is_told, refused)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_that_has_enough_gets_nothing),
        cmocka_unit_test(the_device_is_counted_in_bits),
        cmocka_unit_test(a_seed_is_used_and_replaced),
        cmocka_unit_test(a_seed_that_stays_is_not_used),
        cmocka_unit_test(a_seed_must_be_a_file_of_32_bytes),
        cmocka_unit_test(without_any_source_nothing_is_made_up),
        cmocka_unit_test(a_kernel_that_refuses_is_told),
    };

    return RUN(tests);
}
