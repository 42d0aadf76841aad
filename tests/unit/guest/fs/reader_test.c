#include "guest/fs/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/kernel.h"
#include "refuse.h"
#include "test.h"

static char dir[] = "/tmp/guestd-reader-XXXXXX";
static struct err e;

static const char *below(const char *rest)
{
    static char path[256];

    snprintf(path, sizeof path, "%s%s", dir, rest);
    return path;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* How it is refused. */
static enum status refusal(const char *path, bool special)
{
    struct fs_reader r;

    assert_int_equal(fs_reader_open(path, special, &r, &e), -1);
    return e.status;
}

static void what_is_no_file_is_refused(void **state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[300];

    (void)state;
    assert_int_equal(refusal(below("/none"), false), STATUS_NOT_FOUND);
    snprintf(text, sizeof text, "path '%s' does not exist", below("/none"));
    assert_string_equal(e.text, text);
    assert_int_equal(refusal(dir, true), STATUS_INVALID_ARGUMENT);
    snprintf(text, sizeof text, "path '%s' is a directory", dir);
    assert_string_equal(e.text, text);
    assert_int_equal(refusal("/etc/passwd/x", false), STATUS_INTERNAL);
    assert_int_equal(mkfifo(below("/fifo"), 0600), 0);
    assert_int_equal(refusal(below("/fifo"), false), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(e.text, "is a FIFO: special=1"));
    assert_int_equal(refusal("/dev/null", false), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(e.text, "a character device"));
    strcpy(sa.sun_path, below("/socket"));
    assert_int_equal(bind(s, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(refusal(below("/socket"), true), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(e.text, "is a socket"));
    close(s);
}

static void by_offset(void **state)
{
    char a[4] = "", b[10] = "";
    struct iovec iov[2] = {{a, 3}, {b, 9}};
    struct fs_reader r;
    bool never = false;

    (void)state;
    write_file(below("/ten"), "0123456789");
    assert_int_equal(fs_reader_open(below("/ten"), false, &r, &e), 0);
    assert_int_equal(r.kind, FS_READER_SIZED);
    assert_int_equal(r.size, 10);
    assert_int_equal(fs_reader_read(&r, iov, 2, 2), 8); /* all there is, over both */
    assert_string_equal(a, "234");
    assert_string_equal(b, "56789");
    assert_int_equal(fs_reader_read(&r, &(struct iovec){a, 3}, 1, 10), 0);
    memset(a, 0, sizeof a);
    if (fs_reader_try(&r, &(struct iovec){a, 3}, 1, 7, &never) == 3) /* unless the file system cannot tell */
        assert_string_equal(a, "789");
    else
        assert_true(never);
    close(r.fd);
}

/* A file that could be on a disk: it goes to a worker, and so does the next one, without a try. */
static int try_without(void)
{
    struct fs_reader r = {.kind = FS_READER_SIZED, .fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
    char byte;
    struct iovec iov = {&byte, 1};

    for (int i = 0; i < 2; i++) {
        bool never = false;

        if (fs_reader_try(&r, &iov, 1, 0, &never) != FS_READER_AGAIN || !never || kernel_has(KERNEL_PREADV2))
            return 1;
    }
    close(r.fd);
    return 0;
}

static void where_the_kernel_cannot_a_worker_reads(void **state)
{
    (void)state;
    assert_int_equal(with_refused(SYS_preadv2, ENOSYS, try_without), 0);
    assert_int_equal(with_refused(SYS_preadv2, EPERM, try_without), 0);
}

static void in_order_where_there_is_no_size(void **state)
{
    char text[5000] = "";
    struct iovec iov = {text, 7};
    struct fs_reader r;

    (void)state;
    assert_int_equal(fs_reader_open("/proc/self/status", false, &r, &e), 0);
    assert_int_equal(r.kind, FS_READER_TO_END);
    assert_int_equal(fs_reader_read(&r, &iov, 1, 0), 7);
    assert_memory_equal(text, "Name:\tu", 7);
    iov = (struct iovec){text, sizeof text - 1};
    assert_in_range(fs_reader_read(&r, &iov, 1, 0), 200, sizeof text - 2);
    assert_memory_equal(text, "nit_", 4); /* goes on */
    assert_int_equal(fs_reader_read(&r, &iov, 1, 0), 0);
    close(r.fd);
    write_file(below("/empty"), "");
    assert_int_equal(fs_reader_open(below("/empty"), false, &r, &e), 0);
    assert_int_equal(r.kind, FS_READER_TO_END); /* as far as one knows */
    close(r.fd);
}

static void a_fifo_does_not_block(void **state)
{
    char text[10] = "";
    struct fs_reader r;
    int w;

    (void)state;
    assert_int_equal(mkfifo(below("/other"), 0600), 0);
    assert_int_equal(fs_reader_open(below("/other"), true, &r, &e), 0);
    assert_int_equal(r.kind, FS_READER_WAITS);
    assert_true(r.fifo);
    w = open(below("/other"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(fs_reader_read(&r, &(struct iovec){text, 9}, 1, 0), FS_READER_AGAIN);
    assert_int_equal(write(w, "hi", 2), 2);
    assert_int_equal(fs_reader_read(&r, &(struct iovec){text, 9}, 1, 0), 2);
    assert_string_equal(text, "hi");
    close(w);
    assert_int_equal(fs_reader_read(&r, &(struct iovec){text, 9}, 1, 0), 0);
    close(r.fd);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(by_offset),
        cmocka_unit_test(in_order_where_there_is_no_size),
        cmocka_unit_test(where_the_kernel_cannot_a_worker_reads),
        cmocka_unit_test(a_fifo_does_not_block),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
