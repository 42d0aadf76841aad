/* Half-written files: they are there under a name of their own, and go whatever ends us. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fd.h"

#include "ctl/temp.c"

static char directory[64];

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/guestd-temp-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

/* Fails when anything is left. */
static int teardown(void **state)
{
    (void)state;
    return rmdir(directory);
}

static const char *in_directory(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void one_lies_beside_what_it_becomes(void **state)
{
    struct stat st;
    int temp, fd = temp_make(in_directory("f"), &temp);

    (void)state;
    assert_true(fd >= 0);
    assert_memory_equal(temp_name(temp), directory, strlen(directory));
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(rename(temp_name(temp), in_directory("f")), 0);
    temp_forget(temp);
    close(fd);
    assert_int_equal(unlink(in_directory("f")), 0);
}

static void there_are_so_many_and_no_more(void **state)
{
    int made[TEMP_MAX], one;

    (void)state;
    for (int i = 0; i < TEMP_MAX; i++) {
        int fd = temp_make(in_directory("f"), &made[i]);

        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(temp_make(in_directory("f"), &one), -1);
    assert_int_equal(errno, EMFILE);
    for (int i = 0; i < TEMP_MAX; i++)
        temp_remove(made[i]);
    close(temp_make(in_directory("f"), &one));
    temp_remove(one);
}

static void what_cannot_be_made_takes_no_place(void **state)
{
    static char deep[PATH_MAX + 100];
    int temp;

    (void)state;
    memset(deep, 'd', sizeof deep - 1);
    deep[sizeof deep - 2] = '/';
    for (int i = 0; i < 2 * TEMP_MAX; i++) {
        assert_int_equal(temp_make("/no/such/f", &temp), -1);
        assert_int_equal(errno, ENOENT);
        assert_int_equal(temp_make(deep, &temp), -1);
        assert_int_equal(errno, ENAMETOOLONG);
    }
}

/* The directory is empty afterwards: see teardown. */
static void a_signal_takes_them_away(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGABRT};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
            int temp;

            if (temp_make(in_directory("f"), &temp) < 0 || temp_make(in_directory("g"), &temp) < 0)
                _exit(1);
            raise(signals[i]);
            _exit(2);
        }
        assert_int_equal(RETRY_EINTR(waitpid(pid, &status, 0)), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_lies_beside_what_it_becomes),
        T(there_are_so_many_and_no_more),
        T(what_cannot_be_made_takes_no_place),
        T(a_signal_takes_them_away),
    };

    return RUN(tests);
}
