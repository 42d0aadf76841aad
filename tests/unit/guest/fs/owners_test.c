#include "guest/fs/owners.h"

#include <stdio.h>
#include <unistd.h>

#include "core/limits.h"
#include "guest/users.h"
#include "test.h"

static char dir[] = "/tmp/guestd-owners-XXXXXX";

static FILE *file(const char *name)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    return f;
}

static void put(const char *name, const char *text)
{
    FILE *f = file(name);

    fputs(text, f);
    fclose(f);
}

static void names_by_number(void **state)
{
    struct owners *o;

    (void)state;
    put("passwd", "zoe:x:7:7::/:/bin/sh\nroot:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n");
    put("group", "wheel:x:0:\nvideo:x:44:zoe,root\n");
    o = owners_get();
    assert_string_equal(owners_user(o, 0), "root"); /* the first of the number */
    assert_string_equal(owners_user(o, 7), "zoe");
    assert_null(owners_user(o, 8));
    assert_string_equal(owners_group(o, 44), "video");
    assert_null(owners_group(o, 7));
    owners_put(o);
}

/* A snapshot stays what it was; the next one is of the changed file. */
static void a_changed_file_is_noticed(void **state)
{
    struct owners *before = owners_get(), *same = owners_get(), *after;
    struct users_stamps now;
    struct err e;

    (void)state;
    assert_ptr_equal(before, same);
    assert_true(users_stamps_cached(&now));
    after = owners_cached(&now);
    assert_ptr_equal(after, before);
    owners_put(after);
    put("passwd", "max:x:7:7::/:/bin/sh\n");
    free(users_find("max", &e)); /* lets go of the old one */
    assert_true(users_stamps_cached(&now));
    assert_null(owners_cached(&now)); /* it would have to be read */
    after = owners_get();
    assert_string_equal(owners_user(before, 7), "zoe");
    assert_string_equal(owners_user(after, 7), "max");
    assert_null(owners_user(after, 0));
    owners_put(before);
    owners_put(same);
    owners_put(after);
    owners_put(NULL);
}

static void without_files_there_are_no_names(void **state)
{
    char path[64];
    struct owners *o;

    (void)state;
    snprintf(path, sizeof path, "%s/group", dir);
    unlink(path);
    o = owners_get();
    assert_null(owners_group(o, 0));
    owners_put(o);
}

/* More users than are kept: memory is bounded, and the first ones have names. */
static void a_long_file(void **state)
{
    FILE *f = file("passwd");
    struct owners *o;

    (void)state;
    for (unsigned i = 0; i < OWNERS_MAX / 16 + 10; i++)
        fprintf(f, "u%u:x:%u:0::/:/bin/sh\n", i, i);
    fclose(f);
    o = owners_get();
    assert_string_equal(owners_user(o, 1000), "u1000");
    assert_null(owners_user(o, OWNERS_MAX / 16 + 9));
    owners_put(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_by_number),
        cmocka_unit_test(a_changed_file_is_noticed),
        cmocka_unit_test(without_files_there_are_no_names),
        cmocka_unit_test(a_long_file),
    };
    int ret;

    if (!mkdtemp(dir))
        return 1;
    users_set_directory(dir);
    ret = RUN(tests);
    return ret;
}
