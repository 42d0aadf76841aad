/* Calls of which only the command matters: a git that says what it was started with, and fails. */
#ifndef TESTS_UNIT_GIT_VERBS_RIG_H
#define TESTS_UNIT_GIT_VERBS_RIG_H

#include "git_rig.h"

static struct talk t;

/* What comes of the method when git does that. */
static void expect(const char *script, const char *method, const char *json, const char *wanted)
{
    char name[64];

    put_git(script);
    snprintf(name, sizeof name, "guest.v1.Git/%s", method);
    ask(&t, name, json);
    HEAR(&t, wanted);
    hang_up(&t);
}

/* The command that the method runs first. */
UNUSED static void expect_command(const char *method, const char *json, const char *command)
{
    char wanted[256];

    snprintf(wanted, sizeof wanted, "git %s: ran %s\"", method, command);
    expect("cat >/dev/null; echo \"ran $*\" >&2; exit 1", method, json, wanted);
}

/* The request is refused before anything runs. */
UNUSED static void expect_refused(const char *method, const char *json)
{
    expect("exit 1", method, json, "\"invalid_argument\"");
}

#endif
