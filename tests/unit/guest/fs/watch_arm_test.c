/* The worker's side: what is watched, what is found, and why not. */
#include "test.h"

#include "watch_rig.h"

#include <sys/inotify.h>

#include "guest/fs/watch_arm.h"

static struct watch_arm arm;

static int setup(void **state)
{
    if (rig_setup(state) < 0)
        return -1;
    arm = (struct watch_arm){.inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
                             .path = strdup(rig.dir),
                             .first = true,
                             .follow = true,
                             .max = 100};
    return fs_caller_init(&arm.caller, NULL, rig.settings.env, false);
}

static int teardown(void **state)
{
    close(arm.inotify_fd);
    watch_arm_clear(&arm);
    return rig_teardown(state);
}

/* The index of a name among what was found, -1: it is not. */
static int found(const char *name)
{
    for (size_t i = 0; i < arm.count; i++)
        if (strcmp(arm.names + arm.found[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void make_tree(void)
{
    make_dir("a");
    make_dir("a/b");
    touch("a/f");
    touch("g");
    assert_int_equal(symlink("a", "link"), 0);
}

static void finds_directories(void **state)
{
    (void)state;
    make_tree();
    arm.recursive = true;
    watch_arm_run(&arm);
    assert_int_equal(arm.result, 0);
    assert_string_equal(arm.root, rig.dir);
    assert_int_equal(arm.count, 3);
    assert_int_equal(found(""), 0);
    assert_int_equal(arm.found[found("a")].parent, 0);
    assert_int_equal(arm.found[found("b")].parent, found("a"));
    for (size_t i = 0; i < arm.count; i++)
        assert_true(arm.found[i].wd >= 0);
    assert_false(arm.partial);
}

static void finds_only_itself(void **state)
{
    (void)state;
    make_tree();
    watch_arm_run(&arm);
    assert_int_equal(arm.result, 0);
    assert_int_equal(arm.count, 1);
    assert_true(arm.found[0].wd >= 0);
}

static void finds_files_in_a_new_directory(void **state)
{
    (void)state;
    make_tree();
    arm.first = arm.follow = false;
    arm.recursive = arm.files = true;
    watch_arm_run(&arm);
    assert_int_equal(arm.result, 0);
    assert_int_equal(arm.count, 6);
    assert_int_equal(arm.file_count, 3);
    assert_int_equal(arm.found[found("f")].parent, found("a"));
    assert_int_equal(arm.found[found("link")].wd, WATCH_NO_DIR); /* and not what it leads to */
}

static void does_not_follow_a_new_link(void **state)
{
    (void)state;
    make_tree();
    arm.first = arm.follow = false;
    arm.recursive = true;
    free(arm.path);
    assert_true(asprintf(&arm.path, "%s/link", rig.dir) > 0);
    watch_arm_run(&arm);
    assert_int_equal(arm.result, 0);
    assert_int_equal(arm.count, 1);
    assert_int_equal(arm.found[0].wd, WATCH_NOT_ARMED);
}

static void stops_at_its_bound(void **state)
{
    (void)state;
    make_tree();
    arm.recursive = true;
    arm.max = 2;
    watch_arm_run(&arm);
    assert_int_equal(arm.result, 0);
    assert_int_equal(arm.count, 2);
    assert_true(arm.partial);
}

static void refuse(const char *path, enum status status)
{
    free(arm.path);
    arm.path = strdup(path);
    arm.count = arm.names_len = 0;
    watch_arm_run(&arm);
    assert_int_equal(arm.result, -1);
    assert_int_equal(arm.error.status, status);
    free(TAKE(arm.root));
}

static void says_why_not(void **state)
{
    (void)state;
    make_tree();
    refuse("/no/such", STATUS_NOT_FOUND);
    refuse("/etc/passwd", STATUS_INVALID_ARGUMENT);
    refuse("/etc/passwd/x", STATUS_NOT_FOUND);
    refuse("~other", STATUS_INVALID_ARGUMENT);
    fs_caller_clear(&arm.caller);
    assert_int_equal(fs_caller_init(&arm.caller, "no-such-user", rig.settings.env, false), 0);
    refuse("/tmp", STATUS_UNAUTHENTICATED);
}

static void knows_network_file_systems(void **state)
{
    (void)state;
    assert_true(watch_arm_network(0x6969));      /* NFS */
    assert_true(watch_arm_network(0xFF534D42));  /* CIFS */
    assert_true(watch_arm_network(0x517B));      /* SMB */
    assert_true(watch_arm_network(0xFE534D42));  /* SMB2 */
    assert_true(watch_arm_network(0x65735546));  /* FUSE */
    assert_false(watch_arm_network(0xEF53));     /* ext4 */
    assert_false(watch_arm_network(0x01021994)); /* tmpfs */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_directories, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_only_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_files_in_a_new_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(does_not_follow_a_new_link, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_at_its_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(says_why_not, setup, teardown),
        cmocka_unit_test(knows_network_file_systems),
    };

    return RUN(tests);
}
