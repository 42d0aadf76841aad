#include <stdio.h>

#include "ctl/ctl.h"

/* Completion scripts, written from the tables. */

static void words_of(const struct option *options, size_t n, const char *separator)
{
    for (size_t i = 0; i < n; i++)
        printf("%s--%s", i ? separator : "", options[i].name);
}

/* Whether the verb's operands are the guest's paths; those of cp are where they begin with a colon. */
static bool takes_guest_paths(const char *verb)
{
    static const char *const list[] = {"ls", "cat", "stat", "rm", "mkdir", "mv", "chmod", "watch"};

    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (strcmp(verb, list[i]) == 0)
            return true;
    return false;
}

/* Completes a path of the guest, $1, with $2 in front, by asking the guest as the words before the verb say. Where it cannot be
 * asked there is no completion. bash replaces what stands behind the last colon only, if that separates words. */
static void bash_paths(void)
{
    puts("_guestctl_paths() {\n"
         "    local dir= line whole\n"
         "    [[ $1 == */* ]] && dir=${1%/*}/\n"
         "    while IFS= read -r line; do\n"
         "        whole=$2$dir$line\n"
         "        [[ $whole == \"$2$1\"* ]] || continue\n"
         "        [[ ${COMP_WORDBREAKS-} == *:* ]] && whole=${whole#\"${cur%\"${cur##*:}\"}\"}\n"
         "        COMPREPLY+=(\"$whole\")\n"
         "    done < <(timeout 2 \"${words[@]:0:i}\" ls -ap -- \"$dir\" 2>/dev/null)\n"
         "    [[ ${COMPREPLY[0]-} == */ ]] && compopt -o nospace 2>/dev/null\n"
         "    compopt -o filenames 2>/dev/null\n"
         "}");
}

/* The words of the line: COMP_WORDS is cut at colons, which targets and paths are full of. */
static void bash_words(void)
{
    puts(
        "# bash completion for guestctl\n"
        "_guestctl() {\n"
        "    local words=(\"${COMP_WORDS[@]:0:COMP_CWORD+1}\") line=${COMP_LINE:+${COMP_LINE:0:COMP_POINT}}\n"
        "    if [[ $line ]]; then\n"
        "        read -ra words <<<\"$line\"\n"
        "        [[ $line == *[[:space:]] ]] && words+=('')\n"
        "    fi\n"
        "    local last=$((${#words[@]} - 1)) verb= i\n"
        "    local cur=${words[last]}\n"
        "    for ((i = 1; i < last; i++)); do\n"
        "        case ${words[i]} in\n"
        "        -t | --target | --wait | --token-file | --protocol) ((i++)) ;;\n"
        "        -*) ;;\n"
        "        *) verb=${words[i]}; break ;;\n"
        "        esac\n"
        "    done\n"
        "    case $verb in");
}

static void bash(void)
{
    bash_paths();
    bash_words();
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
         "    case $verb:$cur in\n"
         "    *:-*) ;;\n"
         "    cp::*) _guestctl_paths \"${cur#:}\" : ;;");
    for (size_t i = 0; i < verb_count; i++)
        if (takes_guest_paths(verbs[i].name))
            printf("    %s:*) _guestctl_paths \"$cur\" '' ;;\n", verbs[i].name);
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
