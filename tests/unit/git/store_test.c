#include "git/store.h"

#include "verbs_rig.h"

#define URL    "{\"path\":\"/\",\"name\":\"o\",\"url\":\"https://ann%40x:s%20t@Host:8443/x\","
#define STORED "\"credentials\":{\"storeCredentials\":true}}"

/* By its standard input, and once only. */
static void lines(void **state)
{
    static const char wanted[] = "protocol=https|host=host:8443|username=ann@x|password=s t|";
    char script[512];

    (void)state;
    snprintf(script, sizeof script,
             "case \"$*\" in\n'credential-store store') [ \"$(tr '\\n' '|')\" = '%s' ] || exit 1;;\n"
             "'config --global --get credential.helper ^store$') exit 1;;\n"
             "'config --global --add credential.helper store') echo fatal: added >&2; exit 1;;\nesac",
             wanted);
    expect(script, "AddRemote", URL STORED, "git AddRemote: added");
    expect("cat >/dev/null; case \"$*\" in *--add*) exit 1;; esac", "AddRemote", URL STORED, "\r\n\r\n{}");
    expect("[ $1 = credential-store ] && exit 9; exit 0", "AddRemote", URL STORED, "exit status 9");
}

static void what_cannot_be_kept(void **state)
{
    struct git_call c = {.credentials = {.kind = GIT_CREDENTIALS_BEARER}};
    struct err e;

    (void)state;
    assert_int_equal(git_store_check(&c, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    c.credentials.kind = GIT_CREDENTIALS_BASIC;
    assert_int_equal(git_store_check(&c, &e), 0);
    expect(":", "AddRemote",
           "{\"path\":\"/\",\"name\":\"o\",\"url\":\"/x\",\"credentials\":{\"storeCredentials\":true,"
           "\"basic\":{\"username\":\"a\",\"password\":\"b\"}}}",
           "\"invalid_argument\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(what_cannot_be_kept)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
