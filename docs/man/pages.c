/* Writes a man page: copies a template, and puts what the programs' own tables say in the place of lines "@WORD@". Used by
 * the build only, so that a page and --help cannot differ.
 *
 *   pages TEMPLATE >PAGE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/git.h"
#include "flags.h"

/* Text in which troff sees no request and no escape. A line break of the table is a space: troff fills lines. */
static void text(const char *s)
{
    for (; *s; s++) {
        if (*s == '\\')
            fputs("\\e", stdout);
        else if (*s == '-')
            fputs("\\-", stdout);
        else
            putchar(*s == '\n' ? ' ' : *s);
    }
}

static void option(const struct option *o)
{
    puts(".TP");
    if (o->letter)
        printf("\\fB\\-%c\\fR, ", o->letter);
    fputs(o->foreign ? "\\fB\\-" : "\\fB\\-\\-", stdout);
    text(o->name);
    fputs("\\fR", stdout);
    if (o->arg) {
        fputs(" \\fI", stdout);
        text(o->arg);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    text(o->text);
    puts(".");
}

static void agent_options(void)
{
    size_t count;
    const struct option *table = flags_table(&count);

    for (size_t i = 0; i < count; i++)
        option(&table[i]);
}

static void ctl_option_list(void)
{
    for (size_t i = 0; i < global_option_count; i++)
        option(&global_options[i]);
}

static void verb(const struct verb *v)
{
    fputs(".SS guestctl ", stdout);
    text(v->name);
    fputs(v->option_count ? " [OPTIONS]" : "", stdout);
    fputs(*v->operands ? " " : "", stdout);
    text(v->operands);
    putchar('\n');
    printf("%c", v->summary[0] - 'a' + 'A');
    text(v->summary + 1);
    puts(".");
    if (v->text) {
        text(v->text);
        putchar('\n');
    }
    for (size_t k = 0; k < v->option_count; k++)
        option(&v->options[k]);
}

static void verb_list(void)
{
    for (size_t i = 0; i < verb_count; i++)
        verb(&verbs[i]);
}

static void git_verb_list(void)
{
    for (size_t i = 0; i < git_row_count; i++)
        verb(&git_rows[i].verb);
}

static const struct {
    const char *word;
    void (*write)(void);
} tables[] = {
    {"@GUESTD_OPTIONS@\n", agent_options},
    {"@GUESTCTL_OPTIONS@\n", ctl_option_list},
    {"@GUESTCTL_VERBS@\n", verb_list},
    {"@GUESTCTL_GIT_VERBS@\n", git_verb_list},
};

static void line(const char *s)
{
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (strcmp(s, tables[i].word) == 0) {
            tables[i].write();
            return;
        }
    }
    fputs(s, stdout);
}

int main(int argc, char **argv)
{
    FILE *in = argc == 2 ? fopen(argv[1], "re") : NULL;
    char s[1024];

    if (!in) {
        fprintf(stderr, "usage: pages TEMPLATE\n");
        return EXIT_FAILURE;
    }
    while (fgets(s, sizeof s, in))
        line(s);
    fclose(in);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
