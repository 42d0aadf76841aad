#include "guest/users.h"

#include <stdio.h>
#include <unistd.h>

#include "test.h"

static char dir[] = "/tmp/guestd-users-XXXXXX";

static void put(const char *file, const char *text)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, file);
    f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

/* The loop asks for the home of somebody whom a worker has found before. */
static void a_cached_home(void **state)
{
    struct err e;
    char *home;

    (void)state;
    users_set_directory(dir); /* empties the cache */
    assert_null(users_cached_home("ann"));
    free(users_find("ann", &e));
    home = users_cached_home("ann");
    assert_string_equal(home, "/home/ann");
    free(home);
    assert_null(users_cached_home("nobody of that name"));
}

/* The loop has whom a worker has found, as long as the files are the same. */
static void a_cached_user(void **state)
{
    struct users_stamps now, other;
    struct user *u;
    struct err e;

    (void)state;
    assert_true(users_stamps_cached(&now));
    assert_int_equal(now.passwd.size, users_stamp("passwd").size);
    assert_int_equal(now.group.ino, users_stamp("group").ino);
    users_set_directory(dir);
    assert_null(users_cached("ann", &now));
    free(users_find("ann", &e));
    u = users_cached("ann", &now);
    assert_string_equal(u->home, "/home/ann");
    assert_int_equal(u->groups[2], 9);
    free(u);
    assert_null(users_cached("1001", &now)); /* nobody has come by that name */
    other = now;
    other.passwd.mtime.tv_nsec++;
    assert_null(users_cached("ann", &other));
    other = now;
    other.group.size++;
    assert_null(users_cached("ann", &other));
    users_set_directory("/no/such");
    assert_false(users_stamps_cached(&other));
    users_set_directory(dir);
}

static void finds(void **state)
{
    struct err e;
    struct user *u = users_find("ann", &e);
    gid_t gid;

    (void)state;
    assert_int_equal(u->uid, 1001);
    assert_int_equal(u->gid, 100);
    assert_string_equal(u->name, "ann");
    assert_string_equal(u->home, "/home/ann");
    assert_string_equal(u->shell, "/bin/zsh");
    assert_int_equal(u->group_count, 3);
    assert_int_equal(u->groups[0], 100);
    assert_int_equal(u->groups[1], 7);
    assert_int_equal(u->groups[2], 9);
    free(u);
    u = users_find("1001", &e); /* by number, where no name says otherwise */
    assert_string_equal(u->name, "ann");
    free(u);
    u = users_find("42", &e);
    assert_int_equal(u->uid, 2000);
    free(u);
    assert_null(users_find("nobody-here", &e));
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    assert_null(users_find("", &e));
    assert_null(users_find("+", &e));
    assert_null(users_find("9999", &e));
    assert_int_equal(users_group("video", &gid, &e), 0);
    assert_int_equal(gid, 9);
    assert_int_equal(users_group("nope", &gid, &e), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
}

/* What is found is the caller's, and the next look-up does not touch it. */
static void copies_are_independent(void **state)
{
    struct err e;
    struct user *a = users_find("ann", &e), *b = users_find("ann", &e), *c = users_find("42", &e);

    (void)state;
    assert_true(a != b && a->name != b->name);
    free(b);
    assert_string_equal(a->home, "/home/ann");
    assert_string_equal(c->home, "/home/42");
    free(a);
    free(c);
}

static void notices_a_changed_file(void **state)
{
    struct err e;
    struct user *u;

    (void)state;
    put("passwd", "ann:x:5:6::/new:/bin/sh\n");
    u = users_find("ann", &e);
    assert_int_equal(u->uid, 5);
    assert_string_equal(u->home, "/new");
    free(u);
    assert_null(users_find("42", &e));
    put("group", "x:x:77:ann\n");
    u = users_find("ann", &e);
    assert_int_equal(u->group_count, 2);
    assert_int_equal(u->groups[1], 77);
    free(u);
}

static void strange_files(void **state)
{
    struct err e;
    struct user *u;
    char *big = malloc(400000);
    int n;

    (void)state;
    put("passwd", "garbage\n::::::\nx:y\nann:x:notanumber:1::/:\n\n#c\nok:x:3:3:::\n");
    assert_null(users_find("ann", &e));
    u = users_find("ok", &e);
    assert_int_equal(u->uid, 3);
    assert_string_equal(u->home, "");
    free(u);
    n = sprintf(big, "many:x:8:"); /* a line of 300 KB */
    for (int i = 0; i < 30000; i++)
        n += sprintf(big + n, "u%d,", i);
    sprintf(big + n, "ok\n");
    put("group", big);
    u = users_find("ok", &e);
    assert_int_equal(u->group_count, 2);
    assert_int_equal(u->groups[1], 8);
    free(u);
    users_set_directory("/no/such");
    assert_null(users_find("ok", &e));
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    free(big);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    put("passwd", "root:x:0:0:root:/root:/bin/sh\nann:x:1001:100:Ann,,,:/home/ann:/bin/zsh\n42:x:2000:2000::/"
                  "home/42:/bin/sh\n");
    put("group", "root:x:0:\nusers:x:100:ann\naudio:x:7:bob,ann\nvideo:x:9:ann,bob\nother:x:10:annie\n");
    users_set_directory(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(a_cached_home),
        cmocka_unit_test(a_cached_user),
        cmocka_unit_test(copies_are_independent),
        cmocka_unit_test(notices_a_changed_file),
        cmocka_unit_test(strange_files),
    };
    int ret = cmocka_run_group_tests_name(__FILE__, tests, setup, NULL);
    char command[64];

    users_set_directory("/etc");
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) || ret;
}
