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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_life),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
