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
    char user[] = "u", origin[] = "https://h";
    struct git_url plain = {.origin = origin}, own = {.origin = origin, .username = user}, file = {0};
    struct err e;

    (void)state;
    assert_int_equal(git_store_check(&c, NULL, &e), 0); /* nobody wants it */
    c.store = true;
    assert_int_equal(git_store_check(&c, &own, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    c.credentials.kind = GIT_CREDENTIALS_NONE;
    assert_int_equal(git_store_check(&c, NULL, &e), -1);
    assert_int_equal(git_store_check(&c, &plain, &e), -1);
    assert_int_equal(git_store_check(&c, &own, &e), 0);
    c.credentials.kind = GIT_CREDENTIALS_BASIC;
    assert_int_equal(git_store_check(&c, NULL, &e), 0);
    assert_int_equal(git_store_check(&c, &plain, &e), 0);
    assert_int_equal(git_store_check(&c, &file, &e), -1);
    expect(":", "AddRemote",
           "{\"path\":\"/\",\"name\":\"o\",\"url\":\"/x\",\"credentials\":{\"storeCredentials\":true,"
           "\"basic\":{\"username\":\"a\",\"password\":\"b\"}}}",
           "\"invalid_argument\"");
    expect("exit 9", "AddRemote", URL "\"credentials\":{\"storeCredentials\":true,\"bearer\":\"b\"}}",
           "\"invalid_argument\"");
}

/* Before anything runs that the server would see. */
static void what_is_refused_at_once(void **state)
{
    static const char *const wants[] = {"{\"storeCredentials\":true}",
                                        "{\"storeCredentials\":true,\"bearer\":\"b\"}"};
    static const char *const methods[] = {"Fetch", "Pull", "Push"};
    char name[64], json[128];

    (void)state;
    put_git("case $1 in remote) echo https://h/x;; fetch | pull | push) exit 9;; esac");
    for (size_t i = 0; i < ARRAY_LEN(methods) * ARRAY_LEN(wants); i++) {
        snprintf(name, sizeof name, "guest.v1.Git/%s", methods[i / ARRAY_LEN(wants)]);
        snprintf(json, sizeof json, "{\"path\":\"/\",\"credentials\":%s}", wants[i % ARRAY_LEN(wants)]);
        ask_stream(&t, name, "", json);
        HEAR(&t, "only a user name and a password");
        hang_up(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(what_cannot_be_kept),
                                       cmocka_unit_test(what_is_refused_at_once)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
