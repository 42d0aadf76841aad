#include "guest/fs/pipe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"

#include "test.h"

enum { SIZE = 3 * DOWNLOAD_PIPE + 1000 };

static char bytes[SIZE], got[SIZE];
static struct fs_reader file;
static struct fs_pipe p;

static int setup(void **state)
{
    char path[] = "/tmp/guestd-pipe-XXXXXX";

    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    file = (struct fs_reader){.fd = mkstemp(path), .kind = FS_READER_SIZED, .size = SIZE};
    assert_true(file.fd >= 0);
    unlink(path);
    assert_int_equal(write(file.fd, bytes, SIZE), SIZE);
    return fs_pipe_open(&p);
}

static int teardown(void **state)
{
    (void)state;
    fs_pipe_close(&p);
    return close(file.fd);
}

/* What lies in the pipe is the file's from there on. */
static void check(uint64_t offset, size_t n)
{
    assert_int_equal(p.bytes, n);
    assert_int_equal(read(p.out, got, SIZE), n > 0 ? (ssize_t)n : -1); /* the ends do not block */
    assert_memory_equal(got, bytes + offset, n);
    p.bytes = 0;
}

static void it_is_filled_as_far_as_it_goes(void **state)
{
    (void)state;
    assert_int_equal(fs_pipe_fill(&p, &file, 0, DOWNLOAD_PIPE), 0);
    check(0, DOWNLOAD_PIPE);
    assert_int_equal(fs_pipe_fill(&p, &file, 12345, 100), 0);
    check(12345, 100);
    assert_int_equal(fs_pipe_fill(&p, &file, 0, SIZE), 0);
    check(0, DOWNLOAD_PIPE);
    assert_int_equal(fs_pipe_fill(&p, &file, 4095, DOWNLOAD_PIPE), 0); /* a byte of its first page */
    assert_true(p.bytes > DOWNLOAD_PIPE - 4096 && p.bytes < DOWNLOAD_PIPE);
    check(4095, p.bytes);
}

static void the_end_of_the_file(void **state)
{
    (void)state;
    assert_int_equal(fs_pipe_fill(&p, &file, SIZE - 10, 1000), 0);
    check(SIZE - 10, 10);
    assert_int_equal(fs_pipe_fill(&p, &file, SIZE, 1000), 0);
    check(SIZE, 0);
    assert_int_equal(ftruncate(file.fd, 5), 0);
    assert_int_equal(fs_pipe_fill(&p, &file, 4096, 1000), 0);
    check(4096, 0);
}

static void not_every_file_system_can(void **state)
{
    struct fs_reader memory = {.fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), .kind = FS_READER_SIZED};

    (void)state;
    assert_int_equal(fs_pipe_fill(&p, &memory, (uintptr_t)bytes, 1000), -1);
    assert_int_equal(errno, EINVAL);
    close(memory.fd);
}

static void without_descriptors_there_is_none(void **state)
{
    struct rlimit old, none;
    struct fs_pipe other;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){0, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(fs_pipe_open(&other), -1);
    assert_int_equal(errno, EMFILE);
    assert_int_equal(other.in, -1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    fs_pipe_close(&other);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_is_filled_as_far_as_it_goes),
        T(the_end_of_the_file),
        T(not_every_file_system_can),
        T(without_descriptors_there_is_none),
    };

    return RUN(tests);
}
