#include "core/limits.h"
#include "guest/cached.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/kernel.h"
#include "refuse.h"
#include "test.h"

static char dir[] = "/tmp/guestd-cached-XXXXXX", file[64], linked[64];
static struct cached_file found;

static void as_stat_says(void **state)
{
    struct stat st;
    struct statx x;

    (void)state;
    assert_int_equal(lstat(file, &st), 0);
    assert_true(cached_stat(file, false, &found));
    assert_int_equal(found.st.st_dev, st.st_dev);
    assert_int_equal(found.st.st_ino, st.st_ino);
    assert_int_equal(found.st.st_mode, st.st_mode);
    assert_int_equal(found.st.st_nlink, st.st_nlink);
    assert_int_equal(found.st.st_uid, st.st_uid);
    assert_int_equal(found.st.st_gid, st.st_gid);
    assert_int_equal(found.st.st_size, 3);
    assert_int_equal(found.st.st_blksize, st.st_blksize);
    assert_int_equal(found.st.st_blocks, st.st_blocks);
    assert_memory_equal(&found.st.st_atim, &st.st_atim, sizeof st.st_atim);
    assert_memory_equal(&found.st.st_mtim, &st.st_mtim, sizeof st.st_mtim);
    assert_memory_equal(&found.st.st_ctim, &st.st_ctim, sizeof st.st_ctim);
    assert_int_equal(statx(AT_FDCWD, file, 0, STATX_MNT_ID, &x), 0);
    assert_int_equal(found.mount, x.stx_mnt_id);
    assert_int_equal(lstat("/dev/null", &st), 0);
    assert_true(cached_stat("/dev/null", false, &found));
    assert_int_equal(found.st.st_rdev, st.st_rdev);
}

static void a_link(void **state)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) + 60}, {.tv_nsec = UTIME_OMIT}};

    (void)state;
    /* Who follows it for the first time since it changed writes its time of access, which may wait. */
    assert_int_equal(utimensat(AT_FDCWD, linked, times, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(cached_stat(linked, false, &found));
    assert_true(S_ISLNK(found.st.st_mode));
    assert_true(cached_stat(linked, true, &found));
    assert_true(S_ISREG(found.st.st_mode));
}

/* It is told as stat tells it, until it has changed or has another name; then no more, until somebody lets go. */
static void a_pinned_file(void **state)
{
    struct cached_pin p = {.fd = -1};
    char other[64];
    struct stat st, now;

    (void)state;
    snprintf(other, sizeof other, "%s/other", dir);
    assert_false(cached_stat_pinned(&p, other, &st)); /* there is none */
    assert_int_equal(p.fd, -1);
    for (int i = 0; i < 2; i++) {
        assert_true(cached_stat_pinned(&p, file, &st));
        assert_true(p.fd >= 0);
        assert_int_equal(stat(file, &now), 0);
        assert_int_equal(st.st_ino, now.st_ino);
        assert_int_equal(st.st_size, 3);
    }
    close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(rename(other, file), 0);
    assert_false(cached_stat_pinned(&p, file, &st));
    assert_false(cached_stat_pinned(&p, file, &st));
    cached_unpin(&p);
    assert_int_equal(p.fd, -1);
    assert_true(cached_stat_pinned(&p, file, &st));
    assert_int_equal(st.st_size, 0);
    usleep(50 * 1000); /* so that its ctime will be another */
    assert_int_equal(truncate(file, 3), 0);
    assert_false(cached_stat_pinned(&p, file, &st));
    cached_unpin(&p);
    assert_true(cached_stat_pinned(&p, linked, &st));
    assert_int_equal(p.fd, -1);
    assert_true(S_ISREG(st.st_mode));
}

/* The file has not changed, but its path leads to another one. */
static void a_path_that_leads_elsewhere(void **state)
{
    struct cached_pin p = {.fd = -1};
    char parent[64], away[64], path[80];
    struct stat st;

    (void)state;
    snprintf(parent, sizeof parent, "%s/parent", dir);
    snprintf(away, sizeof away, "%s/away", dir);
    snprintf(path, sizeof path, "%s/file", parent);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mkdir(parent, 0700), 0);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        if (i == 0) {
            assert_true(cached_stat_pinned(&p, path, &st));
            assert_int_equal(rename(parent, away), 0);
        }
    }
    usleep((PIN_TRUSTED_MS + 50) * 1000);
    assert_false(cached_stat_pinned(&p, path, &st));
    cached_unpin(&p);
    assert_true(cached_stat_pinned(&p, path, &st));
    cached_unpin(&p);
    unlink(path);
    rmdir(parent);
    snprintf(path, sizeof path, "%s/file", away);
    unlink(path);
    rmdir(away);
}

/* A process's files are made when somebody asks for them: nobody has, so the kernel would have to find out. */
static void what_would_have_to_be_found_out(void **state)
{
    int ends[2];
    char path[64], byte;
    struct stat st;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        _exit((int)read(ends[0], &byte, 1)); /* until the test is through */
    }
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    assert_false(cached_stat(path, false, &found));
    assert_int_equal(stat(path, &st), 0);
    close(ends[0]);
    close(ends[1]);
    assert_false(cached_stat("/tmp/guestd-no-such-file", false, &found));
}

static void no_descriptor_is_left_or_there_is_none(void **state)
{
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC), again;
    struct rlimit old, none;

    (void)state;
    close(next);
    assert_true(cached_stat(file, false, &found));
    again = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(again, next);
    close(again);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){0, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_false(cached_stat(file, false, &found));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_true(cached_stat(file, false, &found));
}

static enum kernel_call lack;

static int stat_without(void)
{
    if (cached_stat("/", false, &found) || kernel_has(lack))
        return 1;
    return cached_stat("/", false, &found) ? 2 : 0;
}

/* Nothing is known then without a worker. */
static void where_the_kernel_cannot(void **state)
{
    (void)state;
    lack = KERNEL_OPENAT2;
    assert_int_equal(with_refused(SYS_openat2, ENOSYS, stat_without), 0);
    assert_int_equal(with_refused(SYS_openat2, EPERM, stat_without), 0);
    assert_int_equal(with_refused(SYS_openat2, EINVAL, stat_without), 0); /* Linux 5.6 to 5.11 */
    lack = KERNEL_STATX;
    assert_int_equal(with_refused(SYS_statx, ENOSYS, stat_without), 0);
    assert_int_equal(with_refused(SYS_statx, EPERM, stat_without), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_stat_says),
        cmocka_unit_test(a_link),
        cmocka_unit_test(a_pinned_file),
        cmocka_unit_test(a_path_that_leads_elsewhere),
        cmocka_unit_test(what_would_have_to_be_found_out),
        cmocka_unit_test(no_descriptor_is_left_or_there_is_none),
        cmocka_unit_test(where_the_kernel_cannot),
    };
    FILE *f;
    int ret;

    if (!mkdtemp(dir))
        return 1;
    snprintf(file, sizeof file, "%s/file", dir);
    snprintf(linked, sizeof linked, "%s/link", dir);
    f = fopen(file, "we");
    if (!f || fputs("abc", f) < 0 || fclose(f) != 0 || symlink(file, linked) < 0)
        return 1;
    ret = RUN(tests);
    unlink(file);
    unlink(linked);
    rmdir(dir);
    return ret;
}
