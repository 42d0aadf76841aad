/* The completion scripts know every verb and option, and bash believes its own. */
#include "test.h"

#include "ctl_rig.h"

#include "ctl/verbs.h"

static const char *const shells[] = {"bash", "zsh", "fish"};

/* As each shell's script writes an option. */
static void option_text(const char *shell, const struct option *o, char out[64])
{
    snprintf(out, 64, strcmp(shell, "fish") == 0 ? "-l %s" : "--%s", o->name);
}

static void each_script_names_every_verb_and_option(void **state)
{
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(shells); s++) {
        char text[64];

        assert_int_equal(GUESTCTL("completion", shells[s]), 0);
        for (size_t i = 0; i < global_option_count; i++) {
            option_text(shells[s], &global_options[i], text);
            assert_non_null(strstr(printed, text));
        }
        for (size_t i = 0; i < verb_count; i++) {
            assert_non_null(strstr(printed, verbs[i].name));
            for (size_t k = 0; k < verbs[i].option_count; k++) {
                option_text(shells[s], &verbs[i].options[k], text);
                if (!strstr(printed, text))
                    fail_msg("%s: %s is missing", shells[s], text);
            }
        }
    }
}

/* What bash completes at the end of the words. */
static const char *bash_completes(const char *words)
{
    static char line[4096];
    char path[] = "/tmp/guestd-completion-XXXXXX", command[1024];
    int fd = mkstemp(path);
    FILE *p;

    assert_int_equal(GUESTCTL("completion", "bash"), 0);
    assert_int_equal(write(fd, printed, strlen(printed)), strlen(printed));
    close(fd);
    snprintf(
        command, sizeof command,
        "bash -uc 'source %s; COMP_WORDS=(%s); COMP_CWORD=${#COMP_WORDS[@]}; ((COMP_CWORD--)); _guestctl; "
        "echo \"${COMPREPLY[*]-}\"' 2>&1",
        path, words);
    p = popen(command, "r");
    line[0] = 0;
    (void)!fgets(line, sizeof line, p);
    pclose(p);
    unlink(path);
    return line;
}

static void bash_completes_verbs_options_and_shells(void **state)
{
    (void)state;
    assert_string_equal(bash_completes("guestctl pi"), "ping\n");
    assert_string_equal(bash_completes("guestctl --js"), "--json\n");
    assert_string_equal(bash_completes("guestctl -t unix:/x ki"), "kill\n");
    assert_string_equal(bash_completes("guestctl --json exec --ta"), "--tag\n");
    assert_string_equal(bash_completes("guestctl completion z"), "zsh\n");
    assert_string_equal(bash_completes("guestctl ps --ta"), "\n");
}

/* The guest is asked with the words before the verb; here a function answers for guestctl and shows them. */
static void bash_completes_paths_of_the_guest(void **state)
{
    static const struct {
        const char *line, *completes;
    } cases[] = {
        {"guestctl -t unix:/x cat /d/f", "/d/file /d/for/\n"},
        {"guestctl -t unix:/x ls fo", "for/\n"},
        {"guestctl -t unix:/x cp a :/d/fi", "/d/file\n"},
        {"guestctl -t unix:/x cp :", "file for/\n"},
        {"guestctl -t unix:/x cp a /d/f", "\n"},
        {"guestctl -t unix:/x rm --rec", "--recursive\n"},
        {"guestctl -t unix:/y cat /d/f", "\n"},
        {"guestctl -t unix:/x cat no", "\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char words[400];

        snprintf(words, sizeof words,
                 "); COMP_LINE=\"%s\"; COMP_POINT=${#COMP_LINE}; COMP_WORDBREAKS=\" :\"; timeout() { [[ \"$2 "
                 "$3 $4 "
                 "$5\" == \"guestctl -t unix:/x ls\" ]] && printf \"file\\nfor/\\n\"; }; (true",
                 cases[i].line);
        assert_string_equal(bash_completes(words), cases[i].completes);
    }
}

/* The other shells ask in the same words, for the same verbs. */
static void each_script_asks_for_paths_of_the_guest(void **state)
{
    static const char *const verb_names[] = {"ls", "cat", "stat", "rm", "mkdir", "mv", "chmod", "watch"};

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(shells); s++) {
        assert_int_equal(GUESTCTL("completion", shells[s]), 0);
        assert_non_null(strstr(printed, "ls -ap -- "));
    }
    for (size_t i = 0; i < ARRAY_LEN(verb_names); i++) {
        char text[80];

        snprintf(text, sizeof text, "__fish_seen_subcommand_from %s' -a '(__guestctl_paths)'", verb_names[i]);
        assert_int_equal(GUESTCTL("completion", "fish"), 0);
        assert_non_null(strstr(printed, text));
        snprintf(text, sizeof text, "\n        %s) _arguments ", verb_names[i]);
        assert_int_equal(GUESTCTL("completion", "zsh"), 0);
        assert_non_null(strstr(strstr(printed, text), "_guestctl_paths ''"));
    }
    assert_non_null(strstr(strstr(printed, "\n        cp) _arguments "), " _guestctl_either"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_script_names_every_verb_and_option),
        cmocka_unit_test(bash_completes_verbs_options_and_shells),
        cmocka_unit_test(bash_completes_paths_of_the_guest),
        cmocka_unit_test(each_script_asks_for_paths_of_the_guest),
    };

    return RUN(tests);
}
