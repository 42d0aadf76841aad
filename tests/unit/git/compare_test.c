#include "git/compare.h"

#include "git_rig.h"

#define A "0123456789012345678901234567890123456789"
#define B "9876543210987654321098765432109876543210"

static struct talk t;

/* A git that knows two commits, and prints the last words of its command. Those are no changes, so that the error shows them. */
static const char script[] =
    "case $1 in\n"
    "rev-parse) case $* in *two*) printf '" A "\\n^" B "\\n';; *one*) echo " A ";; esac\n"
    "  case $* in *other*) echo " B ";; esac; echo --;;\n"
    "diff) while [ $1 != -z ]; do shift; done; printf '%s\\0' \"$*\";;\n"
    "esac";

/* What comes when that is the target. */
static void expect(const char *target, const char *wanted)
{
    char json[256];

    snprintf(json, sizeof json, "{\"path\":\"/\",\"target\":%s}", target);
    put_git(script);
    ask(&t, "guest.v1.Git/Changes", json);
    HEAR(&t, wanted);
    hang_up(&t);
}

static void commands(void **state)
{
    (void)state;
    expect("{\"from\":\"one\"}", "-z " A " --");
    expect("{\"from\":\"one\",\"to\":\"other\"}", "-z " A " " B " --");
    expect("{\"staged\":true}", "-z --cached --");
    expect("{\"paths\":[\"YQ==\",\"Yg==\"]}", "-z -- a b b");
    expect("{\"paths\":[\"YQ==\",\"Yg==\",\"Yw==\"]}", "-z -- a b c");
}

static void refused(void **state)
{
    (void)state;
    expect("{\"to\":\"one\"}", "\"invalid_argument\"");
    expect("{\"from\":\"one\",\"staged\":true}", "\"invalid_argument\"");
    expect("{\"from\":\"two\"}", "not a single commit");
    expect("{\"from\":\"nil\"}", "not a single commit");
    expect("{\"from\":\"-one\"}", "\"invalid_argument\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(commands), cmocka_unit_test(refused)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
