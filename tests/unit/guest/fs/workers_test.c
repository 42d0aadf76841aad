/* Which lane a call's job gets: by its path, its user's home, and a mount that never answers. Needs root and /dev/fuse. */
#include "guest/fs/workers.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static struct loop l;
static struct fs_workers workers;
static char dir[] = "/tmp/guestd-workers-XXXXXX", mounted[64], passwd[64];
static struct guest_env env = {.default_user = "far"};
static const struct fs_caller caller = {.env = &env};

/* A pool without threads: what is submitted stays in the queue. */
static int setup(void **state)
{
    char options[64];
    FILE *f;
    int fuse;

    (void)state;
    if (loop_init(&l) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(dir))
        return -1;
    fs_workers_init(&workers, &l, jobs_new(&l, &(struct jobs_config){"none", 0, 0, 100}));
    snprintf(passwd, sizeof passwd, "%s/passwd", dir);
    f = fopen(passwd, "w");
    fprintf(f, "far:x:1:1::%s/mnt/home:/bin/sh\nnear:x:2:2::/tmp:/bin/sh\n", dir);
    fclose(f);
    users_set_directory(dir);
    snprintf(mounted, sizeof mounted, "%s/mnt", dir);
    fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
    return mkdir(mounted, 0755) == 0 && mount("hung", mounted, "fuse", 0, options) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    umount2(mounted, MNT_DETACH);
    rmdir(mounted);
    unlink(passwd);
    rmdir(dir);
    fs_workers_destroy(&workers);
    jobs_destroy(workers.jobs);
    loop_destroy(&l);
    return 0;
}

static uint64_t lane(const struct fs_caller *c, const char *path)
{
    static struct job jobs[32]; /* as long as the pool lives */
    static size_t n;
    struct job *j = &jobs[n++];
    struct err e;

    assert_int_equal(fs_submit(&workers, j, c, path, &e), 0);
    return j->lane;
}

static void by_path(void **state)
{
    char path[128];
    uint64_t slow;

    (void)state;
    assert_int_equal(lane(&caller, "/tmp/x"), 0);
    slow = lane(&caller, mounted);
    assert_true(slow != 0);
    snprintf(path, sizeof path, "%s/a/b", mounted);
    assert_true(lane(&caller, path) == slow);
    assert_int_equal(lane(&caller, NULL), 0);
    assert_int_equal(lane(&caller, "~nobody/x"), 0); /* the worker will say what is wrong with it */
}

static void by_home(void **state)
{
    const struct fs_caller near = {.name = (char[]){"near"}, .env = &env};
    struct err e;

    (void)state;
    assert_int_equal(lane(&caller, "x"), 0); /* nobody has looked for the user yet, and the loop does not */
    free(users_find("far", &e));
    free(users_find("near", &e));
    assert_true(lane(&caller, "x") != 0);
    assert_true(lane(&caller, "~/x") != 0);
    assert_true(lane(&caller, "") != 0);
    assert_int_equal(lane(&caller, "../../x"), 0);
    assert_int_equal(lane(&near, "x"), 0);
    env.workdir = mounted;
    assert_true(lane(&near, "") != 0);
    env.workdir = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_path),
        cmocka_unit_test(by_home),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
