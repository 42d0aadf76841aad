#include <stdio.h>

#include "ctl/ctl.h"

/* Completion scripts, written from the tables. */

static void words_of(const struct option *options, size_t n, const char *separator)
{
    for (size_t i = 0; i < n; i++)
        printf("%s--%s", i ? separator : "", options[i].name);
}

static void bash(void)
{
    puts("# bash completion for guestctl\n"
         "_guestctl() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} verb= i\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in\n"
         "        -t | --target | --wait | --token-file) ((i++)) ;;\n"
         "        -*) ;;\n"
         "        *) verb=${COMP_WORDS[i]}; break ;;\n"
         "        esac\n"
         "    done\n"
         "    case $verb in");
    printf("    '') COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < verb_count; i++)
        printf("%s ", verbs[i].name);
    words_of(global_options, global_option_count, " ");
    puts("' -- \"$cur\")) ;;");
    for (size_t i = 0; i < verb_count; i++) {
        const char *words = strcmp(verbs[i].name, "completion") == 0 ? "bash zsh fish" : "";

        printf("    %s) COMPREPLY=($(compgen -W '%s", verbs[i].name, words);
        words_of(verbs[i].options, verbs[i].option_count, " ");
        puts("' -- \"$cur\")) ;;");
    }
    puts("    esac\n"
         "}\n"
         "complete -o default -F _guestctl guestctl");
}

/* An option for _arguments: '--name[text]:ARG:', with what zsh treats specially escaped. */
static void zsh_option(const struct option *o)
{
    printf("        '--%s[", o->name);
    for (const char *p = o->text; *p; p++) {
        if (*p == '[' || *p == ']' || *p == ':')
            putchar('\\');
        if (*p == '\'')
            printf("'\\'");
        putchar(*p);
    }
    printf("]%s%s%s' \\\n", o->arg ? ":" : "", o->arg ? o->name : "", o->arg ? ":_files" : "");
}

static void zsh(void)
{
    puts("#compdef guestctl\n"
         "_guestctl() {\n"
         "    local -a verbs\n"
         "    verbs=(");
    for (size_t i = 0; i < verb_count; i++)
        printf("        '%s:%s'\n", verbs[i].name, verbs[i].summary);
    puts("    )\n"
         "    _arguments -C \\");
    for (size_t i = 0; i < global_option_count; i++)
        zsh_option(&global_options[i]);
    puts("        '1: :->verb' '*:: :->rest'\n"
         "    case $state in\n"
         "    verb) _describe verb verbs ;;\n"
         "    rest)\n"
         "        case $words[1] in");
    for (size_t i = 0; i < verb_count; i++) {
        if (verbs[i].option_count == 0)
            continue;
        printf("        %s) _arguments \\\n", verbs[i].name);
        for (size_t k = 0; k < verbs[i].option_count; k++)
            zsh_option(&verbs[i].options[k]);
        puts("        '*: :_files' ;;");
    }
    puts("        completion) _values shell bash zsh fish ;;\n"
         "        esac ;;\n"
         "    esac\n"
         "}\n"
         "_guestctl \"$@\"");
}

static void fish_option(const char *condition, const struct option *o)
{
    printf("complete -c guestctl -n '%s' -l %s", condition, o->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    printf("%s -d \"%s\"\n", o->arg ? " -r" : "", o->text);
}

static void fish(void)
{
    puts("# fish completion for guestctl\n"
         "complete -c guestctl -f");
    for (size_t i = 0; i < global_option_count; i++)
        fish_option("__fish_use_subcommand", &global_options[i]);
    for (size_t i = 0; i < verb_count; i++) {
        char condition[64];

        printf("complete -c guestctl -n __fish_use_subcommand -a %s -d \"%s\"\n", verbs[i].name,
               verbs[i].summary);
        snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", verbs[i].name);
        for (size_t k = 0; k < verbs[i].option_count; k++)
            fish_option(condition, &verbs[i].options[k]);
    }
    puts("complete -c guestctl -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'");
}

int verb_completion(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct options o = ctl_options(v, argc, argv);
    const char *value, *shell;
    struct err e;

    (void)c;
    if (options_next(&o, &value, &e) == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e);
    shell = argc - o.at == 1 ? argv[o.at] : "";
    if (strcmp(shell, "bash") == 0)
        bash();
    else if (strcmp(shell, "zsh") == 0)
        zsh();
    else if (strcmp(shell, "fish") == 0)
        fish();
    else
        return ctl_usage(v, CTL_USAGE, "the shell is one of bash, zsh, fish");
    return CTL_OK;
}
