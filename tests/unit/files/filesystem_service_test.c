#include "files/filesystem_service.h"

#include <sys/stat.h>

#include "files_rig.h"
#include "test.h"

#define SAYS(method, json, text)                                                                             \
    assert_non_null(strstr(answer(ask("filesystem.Filesystem/" method, json)), text))

static void one_life(void **state)
{
    (void)state;
    SAYS("MakeDir", "{\"path\":\"@/a/b\"}", "\"permissions\":\"drwxr-xr-x\"");
    SAYS("MakeDir", "{\"path\":\"@/a/b\"}",
         "\"already_exists\",\"message\":\"directory already exists: /tmp/");
    SAYS("Stat", "{\"path\":\"@/a/b\"}", "\"type\":\"FILE_TYPE_DIRECTORY\"");
    SAYS("Stat", "{\"path\":\"@/a/c\"}", "\"not_found\",\"message\":\"file not found: lstat /tmp/");
    SAYS("Move", "{\"source\":\"@/a/b\",\"destination\":\"@/a/c\"}", "\"name\":\"c\"");
    SAYS("Move", "{\"source\":\"@/a/b\",\"destination\":\"@/a/c\"}", "source file not found: ");
    SAYS("ListDir", "{\"path\":\"@\",\"depth\":2}", "/a/c\"");
    SAYS("ListDir", "{\"path\":\"@/b\"}", "path not found: lstat /tmp/");
    SAYS("Remove", "{\"path\":\"@/a\"}", "\r\n\r\n{}");
    SAYS("Remove", "{\"path\":\"@/a\"}", "\r\n\r\n{}");
    SAYS("ListDir", "{\"path\":\"@\"}", "\r\n\r\n{}");
    SAYS("Stat", "{\"path\":\"~nobody\"}", "cannot expand user-specific home dir");
}

/* With no worker to be had it is what is in memory that is told. */
static void a_stat_without_a_worker(void **state)
{
    struct jobs *none = jobs_new(&rig.loop, &(struct jobs_config){"none", 1, 0, 0});

    (void)state;
    SAYS("MakeDir", "{\"path\":\"@/d\"}", "\"name\":\"d\"");
    usleep(200 * 1000); /* what has just changed is not trusted */
    SAYS("Stat", "{\"path\":\"@/d\"}", "\"type\":\"FILE_TYPE_DIRECTORY\"");
    files.workers.jobs = none;
    SAYS("Stat", "{\"path\":\"@/d\"}", "\"type\":\"FILE_TYPE_DIRECTORY\"");
    SAYS("Stat", "{\"path\":\"@/d\"}", "\"owner\":\"root\"");
    SAYS("Stat", "{\"path\":\"@/c\"}",
         "none: 0 calls are waiting already"); /* what is not there, a worker says */
    SAYS("ListDir", "{\"path\":\"@/d\"}", "none: 0 calls are waiting already");
    files.as_user = true;
    SAYS("Stat", "{\"path\":\"@/d\"}", "none: 0 calls are waiting already");
    files.as_user = false;
    files.workers.jobs = workers;
    SAYS("Remove", "{\"path\":\"@/d\"}", "\r\n\r\n{}");
    jobs_destroy(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_life),
        cmocka_unit_test(a_stat_without_a_worker),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
