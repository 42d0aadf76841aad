#include "files/files_service.h"

#include <sys/stat.h>

#include "files_rig.h"
#include "test.h"

#define SAYS(method, json, text) assert_non_null(strstr(answer(ask("guest.v1.Files/" method, json)), text))

static void one_life(void **state)
{
    (void)state;
    SAYS("MakeDir", "{\"path\":\"@/d\",\"mode\":448}", "\"type\":\"TYPE_DIRECTORY\",\"mode\":16832");
    SAYS("MakeDir", "{\"path\":\"@/d\"}", "\"already_exists\"");
    SAYS("MakeDir", "{\"path\":\"@/e\",\"mode\":4096}", "mode 010000: more than 07777");
    SAYS("Symlink", "{\"path\":\"@/d/l\",\"target\":\"x\"}", "\r\n\r\n{}");
    SAYS("Symlink", "{\"path\":\"@/d/m\"}", "a link without a target");
    SAYS("ReadLink", "{\"path\":\"@/d/l\"}", "{\"target\":\"eA==\"}");
    SAYS("Stat", "{\"path\":\"@/d/l\"}", "\"type\":\"TYPE_SYMLINK\"");
    SAYS("Chmod", "{\"path\":\"@/d\",\"mode\":493}", "\r\n\r\n{}");
    SAYS("Chown", "{\"path\":\"@/d\",\"owner\":\"123456789\",\"group\":\"0\"}", "\r\n\r\n{}");
    SAYS("Chown", "{\"path\":\"@/d\",\"owner\":\"no-such-user\"}", "\"not_found\"");
    SAYS("Copy", "{\"source\":\"@/d\",\"destination\":\"@/e\",\"recursive\":true}",
         "{\"files\":\"1\",\"directories\":\"1\"}");
    SAYS("List", "{\"path\":\"@/e/\"}", "\"inode\":");
    SAYS("List", "{\"path\":\"@\",\"limit\":1}", "\"truncated\":true,\"nextPage\":\"1-");
    SAYS("List", "{\"path\":\"@\",\"limit\":10001}", "limit 10001: more than 10000");
    SAYS("Remove", "{\"path\":\"@/e\"}", "\"failed_precondition\"");
    SAYS("Remove", "{\"path\":\"@/e/l\"}", "\r\n\r\n{}");
    SAYS("Remove", "{\"path\":\"@/e\"}", "\r\n\r\n{}");
    SAYS("Remove", "{\"path\":\"@/d/l\"}", "\r\n\r\n{}");
    SAYS("Remove", "{\"path\":\"@/d\"}", "\r\n\r\n{}");
    SAYS("Remove", "{\"path\":\"@/d\"}", "\"not_found\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_life),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
