#include "core/options.h"

#include <errno.h>
#include <stdio.h>

static const struct option *by_name(const struct options *o, const char *name, size_t len)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->table[i].name && strlen(o->table[i].name) == len && memcmp(o->table[i].name, name, len) == 0)
            return &o->table[i];
    return NULL;
}

static const struct option *by_letter(const struct options *o, char letter)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->table[i].letter == letter)
            return &o->table[i];
    return NULL;
}

/* Says which word cannot be used, without what follows its '=': that may be a secret. */
static int unusable(struct err *e, const char *word, const char *why)
{
    err_set(e, STATUS_INVALID_ARGUMENT, 0, "option '%.*s' %s", (int)strcspn(word, "="), word, why);
    return OPTIONS_ERROR;
}

/* The argument of `opt`: what follows '=' (`given`), or the next word. */
static int take_value(struct options *o, const struct option *opt, const char *shown, const char *given,
                      const char **value, struct err *e)
{
    *value = NULL;
    o->found = opt;
    o->found_single = shown[1] != '-';
    if (!opt->arg) {
        if (given)
            return unusable(e, shown, "takes no argument");
        return opt->id;
    }
    if (!given) {
        if (o->at >= o->argc)
            return unusable(e, shown, "needs an argument");
        given = o->argv[o->at++];
    }
    *value = given;
    return opt->id;
}

int options_next(struct options *o, const char **value, struct err *e)
{
    const struct option *opt;
    const char *word, *name, *equals;
    size_t dashes, len;

    *value = NULL;
    if (o->cluster && *o->cluster) {
        char shown[3] = {'-', *o->cluster, 0};

        opt = by_letter(o, *o->cluster++);
        if (!opt)
            return unusable(e, shown, "is unknown");
        if (opt->arg && *o->cluster) { /* "-uNAME" */
            name = o->cluster;
            o->cluster = NULL;
            return take_value(o, opt, shown, name, value, e);
        }
        return take_value(o, opt, shown, NULL, value, e);
    }
    o->cluster = NULL;
    if (o->at >= o->argc || o->argv[o->at][0] != '-' || o->argv[o->at][1] == 0)
        return OPTIONS_END;
    word = o->argv[o->at++];
    if (strcmp(word, "--") == 0)
        return OPTIONS_END;
    dashes = word[1] == '-' ? 2 : 1;
    name = word + dashes;
    equals = strchr(name, '=');
    len = equals ? (size_t)(equals - name) : strlen(name);
    opt = dashes == 2 || o->single_dash ? by_name(o, name, len) : NULL;
    if (opt)
        return take_value(o, opt, word, equals ? equals + 1 : NULL, value, e);
    if (dashes == 1 && (by_letter(o, *name) || !o->single_dash || !name[1])) {
        o->cluster = name;
        return options_next(o, value, e);
    }
    return unusable(e, word, "is unknown");
}

int options_number(const struct options *o, const char *value, uint64_t min, uint64_t max, uint64_t *out,
                   struct err *e)
{
    bool digits = *value && strspn(value, "0123456789") == strlen(value);

    errno = 0;
    *out = digits ? strtoull(value, NULL, 10) : 0;
    if (!digits || errno || *out < min || *out > max)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "option '--%s': '%s' is not a number from %llu to %llu",
                       o->found->name, value, (unsigned long long)min, (unsigned long long)max);
    return 0;
}

void options_help(const struct option *table, size_t count, void *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct option *t = &table[i];
        char left[64];
        int n = 0;

        if (t->letter)
            n = snprintf(left, sizeof left, "-%c, ", t->letter);
        snprintf(left + n, sizeof left - (size_t)n, "%s%s%s%s", t->foreign ? "-" : "--", t->name,
                 t->arg ? " " : "", t->arg ? t->arg : "");
        fprintf(out, "  %-25s  %s\n", left, t->text);
    }
}
