/* A configuration, and what it complained of. */
#ifndef TESTS_UNIT_INIT_CONFIG_RIG_H
#define TESTS_UNIT_INIT_CONFIG_RIG_H

#include "test.h"

#include <stdio.h>

#include "init/config.h"

static struct {
    struct config c;
    char told[4096]; /* the complaints, a line each */
    char others[256];
} t;

static void complain(void *arg, const char *where, const struct err *e)
{
    size_t n = strlen(t.told);

    (void)arg;
    snprintf(t.told + n, sizeof t.told - n, "%s: %s\n", where, e->text);
}

/* Knows the key "log-level", and refuses the level "loud". */
static int other(void *arg, const char *key, char **words, unsigned count, struct err *e)
{
    (void)arg;
    if (strcmp(key, "log-level") != 0)
        return 0;
    if (count != 1 || strcmp(words[0], "loud") == 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "no level");
    snprintf(t.others, sizeof t.others, "%s", words[0]);
    return 1;
}

static int setup(void **state)
{
    (void)state;
    config_init(&t.c);
    t.c.complain = complain;
    t.c.other = other;
    *t.told = *t.others = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_clear(&t.c);
    return 0;
}

static void take(const char *text)
{
    config_take_text(&t.c, "f", bytes_of(text));
}

/* A complaint must be the first one and the only one. */
static void told(const char *text)
{
    assert_string_equal(t.told, text);
    *t.told = 0;
}

#endif
