#include <stdio.h>

#include "ctl/git.h"

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
        "    if [[ $verb == git ]]; then\n"
        "        verb='git '\n"
        "        for ((i++; i < last; i++)); do\n"
        "            [[ ${words[i]} == -* ]] || { verb+=${words[i]}; break; }\n"
        "        done\n"
        "    fi\n"
        "    case $verb in");
}

/* The verbs of git: their names begin with "git ". */
static void bash_git(void)
{
    printf("    'git ') COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < git_row_count; i++)
        printf("%s%s", i ? " " : "", git_row_name(&git_rows[i]));
    puts("' -- \"$cur\")) ;;");
    for (size_t i = 0; i < git_row_count; i++) {
        printf("    '%s') COMPREPLY=($(compgen -W '", git_rows[i].verb.name);
        words_of(git_rows[i].verb.options, git_rows[i].verb.option_count, " ");
        puts("' -- \"$cur\")) ;;");
    }
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
    bash_git();
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

/* The same for zsh: $1 stands in front of the path; line_words are the words of the whole line. */
static void zsh_paths(void)
{
    puts("_guestctl_paths() {\n"
         "    local typed=${(Q)PREFIX#$1} dir= i=2\n"
         "    while (( i <= $#line_words )); do\n"
         "        case $line_words[i] in\n"
         "        (-t|--target|--wait|--token-file|--protocol) (( i += 2 )) ;;\n"
         "        (-*) (( i++ )) ;;\n"
         "        (*) break ;;\n"
         "        esac\n"
         "    done\n"
         "    [[ $typed == */* ]] && dir=${typed%/*}/\n"
         "    compadd -p \"$1$dir\" -S '' -- "
         "${(f)\"$(timeout 2 \"${(@)line_words[1,i-1]}\" ls -ap -- \"$dir\" 2>/dev/null)\"}\n"
         "}\n"
         "_guestctl_either() {\n"
         "    if [[ $PREFIX == :* ]]; then _guestctl_paths :; else _files; fi\n"
         "}");
}

/* What a verb's operands are for _arguments; with a space in front it adds no words of its own to a call. */
static const char *zsh_operands(const char *verb)
{
    if (takes_guest_paths(verb))
        return " _guestctl_paths ''";
    return strcmp(verb, "cp") == 0 ? " _guestctl_either" : "_files";
}

/* An option for _arguments, as it is written (--name): 'OPTION[text]:ARG:', with what zsh treats specially escaped. */
static void zsh_option_as(const char *written, const struct option *o)
{
    printf("        '%s[", written);
    for (const char *p = o->text; *p; p++) {
        if (*p == '[' || *p == ']' || *p == ':')
            putchar('\\');
        if (*p == '\'')
            printf("'\\'");
        putchar(*p);
    }
    printf("]%s%s%s' \\\n", o->arg ? ":" : "", o->arg ? o->name : "", o->arg ? ":_files" : "");
}

static void zsh_option(const struct option *o)
{
    char written[64];

    snprintf(written, sizeof written, "--%s", o->name);
    zsh_option_as(written, o);
    snprintf(written, sizeof written, "-%c", o->letter);
    if (o->letter)
        zsh_option_as(written, o);
}

/* A verb's options and what its operands are. */
static void zsh_arguments(const char *name, const struct verb *v, const char *operands)
{
    printf("        %s) _arguments \\\n", name);
    for (size_t k = 0; k < v->option_count; k++)
        zsh_option(&v->options[k]);
    printf("        \"*: :%s\" ;;\n", operands);
}

static void zsh_git(void)
{
    puts("        git)\n"
         "            if (( CURRENT == 2 )); then\n"
         "                verbs=(");
    for (size_t i = 0; i < git_row_count; i++)
        printf("        '%s:%s'\n", git_row_name(&git_rows[i]), git_rows[i].verb.summary);
    puts("                )\n"
         "                _describe verb verbs\n"
         "                return\n"
         "            fi\n"
         "            shift words\n"
         "            (( CURRENT-- ))\n"
         "            case $words[1] in");
    for (size_t i = 0; i < git_row_count; i++)
        zsh_arguments(git_row_name(&git_rows[i]), &git_rows[i].verb, "_files");
    puts("            esac ;;");
}

static void zsh(void)
{
    puts("#compdef guestctl");
    zsh_paths();
    puts("_guestctl() {\n"
         "    local -a verbs line_words\n"
         "    line_words=(\"${(@Q)words}\")\n"
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
        const char *operands = zsh_operands(verbs[i].name);

        if (verbs[i].option_count == 0 && strcmp(operands, "_files") == 0)
            continue;
        zsh_arguments(verbs[i].name, &verbs[i], operands);
    }
    zsh_git();
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

/* The same for fish. */
static void fish_paths(void)
{
    puts("function __guestctl_paths\n"
         "    set -l words (commandline -opc)\n"
         "    set -l typed (commandline -ct)\n"
         "    set -l i 2\n"
         "    while test $i -le (count $words)\n"
         "        switch $words[$i]\n"
         "            case -t --target --wait --token-file --protocol\n"
         "                set i (math $i + 2)\n"
         "            case '-*'\n"
         "                set i (math $i + 1)\n"
         "            case '*'\n"
         "                break\n"
         "        end\n"
         "    end\n"
         "    set -l dir (string replace -r '[^/]*$' '' -- (string sub -s (math 1 + (string length -- "
         "\"$argv[1]\")) -- $typed))\n"
         "    for line in (timeout 2 $words[1..(math $i - 1)] ls -ap -- \"$dir\" 2>/dev/null)\n"
         "        echo -- \"$argv[1]$dir$line\"\n"
         "    end\n"
         "end");
    for (size_t i = 0; i < verb_count; i++)
        if (takes_guest_paths(verbs[i].name))
            printf("complete -c guestctl -n '__fish_seen_subcommand_from %s' -a '(__guestctl_paths)'\n",
                   verbs[i].name);
    puts("complete -c guestctl -n '__fish_seen_subcommand_from cp; and string match -q \":*\" -- "
         "(commandline -ct)' "
         "-a '(__guestctl_paths :)'\n"
         "complete -c guestctl -n '__fish_seen_subcommand_from cp; and not string match -q \":*\" -- "
         "(commandline -ct)' -F");
}

static void fish_git(void)
{
    fputs("set -l git_verbs", stdout);
    for (size_t i = 0; i < git_row_count; i++)
        printf(" %s", git_row_name(&git_rows[i]));
    putchar('\n');
    for (size_t i = 0; i < git_row_count; i++) {
        const struct verb *v = &git_rows[i].verb;
        char condition[128];

        printf(
            "complete -c guestctl -n \"__fish_seen_subcommand_from git; and not __fish_seen_subcommand_from "
            "$git_verbs\" -a %s -d \"%s\"\n",
            git_row_name(&git_rows[i]), v->summary);
        snprintf(condition, sizeof condition,
                 "__fish_seen_subcommand_from git; and __fish_seen_subcommand_from %s",
                 git_row_name(&git_rows[i]));
        for (size_t k = 0; k < v->option_count; k++)
            fish_option(condition, &v->options[k]);
    }
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
    fish_git();
    fish_paths();
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
