/* The command line: every option, every mistake, and envd's way of writing them. */
#include "flags.h"

#include <stdio.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/seg.h"
#include "test.h"

static struct flags f;
static struct boot boot;
static struct err e;

/* Parses the words as those of a program of that name. */
static int parse_as(const char *program, const char *const *words)
{
    static char *argv[64];
    int argc = 1;

    argv[0] = (char *)(uintptr_t)program;
    for (; *words; words++)
        argv[argc++] = (char *)(uintptr_t)*words;
    flags_init(&f, argv[0]);
    return flags_parse(&f, argc, argv, NULL, &e);
}

#define PARSE(...) parse_as("/usr/sbin/guestd", (const char *const[]){__VA_ARGS__, NULL})

static void without_words_there_are_defaults(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL), 0);
    assert_int_equal(f.listen_count, 0);
    assert_int_equal(f.port, 49983);
    assert_true(f.cgroups);
    assert_int_equal(f.max_connections, CONNECTIONS_MAX);
    assert_int_equal(f.log_level, LOG_INFO);
    assert_int_equal(f.log_format, LOG_TEXT);
    assert_int_equal(f.compat, COMPAT_E2B);
    assert_null(f.default_user);
    assert_null(f.run_dir);
    assert_int_equal(f.ring, 0);
    assert_false(f.envd || f.tcp || f.open || f.require_token || f.keep_processes || f.help || f.limits);
}

static void each_option_sets_its_field(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--listen", "unix:/a", "-l", "tcp::1"), 0);
    assert_int_equal(f.listen_count, 2);
    assert_string_equal(f.listen[0], "unix:/a");
    assert_string_equal(f.listen[1], "tcp::1");
    assert_int_equal(PARSE("--vsock-allow", "3", "--vsock-allow", "4294967295"), 0);
    assert_int_equal(f.vsock_allow_count, 2);
    assert_int_equal(f.vsock_allow[1], 4294967295u);
    assert_int_equal(PARSE("--tcp", "--open", "--require-token", "--no-cgroups", "--keep-processes"), 0);
    assert_true(f.tcp && f.open && f.require_token && !f.cgroups && f.keep_processes);
    assert_int_equal(
        PARSE("--token-file", "/t", "--run-dir", "/r", "--default-user", "bob", "--cgroup-root", "/c"), 0);
    assert_string_equal(f.token_file, "/t");
    assert_string_equal(f.run_dir, "/r");
    assert_string_equal(f.default_user, "bob");
    assert_string_equal(f.cgroup_root, "/c");
    assert_int_equal(PARSE("-u", "eve", "--compat", "wrenn", "--log-level", "error", "--log-format", "json"),
                     0);
    assert_string_equal(f.default_user, "eve");
    assert_int_equal(f.compat, COMPAT_WRENN);
    assert_int_equal(f.log_level, LOG_ERROR);
    assert_int_equal(f.log_format, LOG_JSON);
    assert_int_equal(PARSE("--ring", "16384", "--ring-total", "1048576", "--max-connections", "2"), 0);
    assert_int_equal(f.ring, 16384);
    assert_int_equal(f.ring_total, 1048576);
    assert_int_equal(f.max_connections, 2);
    assert_int_equal(PARSE("--limits", "--version", "--help", "--commit"), 0);
    assert_true(f.limits && f.version && f.help && f.commit);
    assert_false(f.told_version);
    assert_false(f.envd); /* two dashes are ours */
}

static void the_last_of_two_wins(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--compat", "wrenn", "--compat", "e2b", "--ring=8192", "--ring=16384"), 0);
    assert_int_equal(f.compat, COMPAT_E2B);
    assert_int_equal(f.ring, 16384);
}

/* envd's words, and its name, choose envd's listeners. */
static void envds_words_make_it_an_envd(void **state)
{
    static const char *const words[][3] = {
        {"-port", "8080"}, {"-isnotfc"},           {"-commit"},  {"-verbose"},
        {"-no-cgroups"},   {"-cgroup-root", "/c"}, {"-version"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (parse_as("guestd", words[i]) < 0)
            fail_msg("%s", e.text);
        if (!f.envd)
            fail_msg("%s does not", words[i][0]);
    }
    assert_int_equal(PARSE("-port", "8080", "-verbose"), 0);
    assert_int_equal(f.port, 8080);
    assert_int_equal(f.log_level, LOG_DEBUG);
    assert_int_equal(PARSE("-version"), 0);
    assert_true(f.told_version);
    assert_false(f.version);
    assert_int_equal(parse_as("/usr/bin/envd", (const char *const[]){NULL}), 0);
    assert_true(f.envd);
    assert_int_equal(parse_as("envd2", (const char *const[]){NULL}), 0);
    assert_false(f.envd);
}

static void the_name_of_stacyvms_agent(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL), 0);
    assert_false(f.stacyvm);
    assert_int_equal(f.stacyvm_timeout_s, 300);
    assert_int_equal(
        parse_as("/usr/local/bin/stacyvm-agent", (const char *const[]){"--stacyvm-timeout", "7", NULL}), 0);
    assert_true(f.stacyvm);
    assert_int_equal(f.stacyvm_timeout_s, 7);
    assert_int_equal(PARSE("--stacyvm-timeout", "0"), -1);
}

static void mistakes_name_the_word(void **state)
{
    static const struct {
        const char *words[3];
        const char *names;
    } cases[] = {
        {{"--frobnicate"}, "--frobnicate"},
        {{"-frobnicate"}, "'-frobnicate'"},
        {{"--listen"}, "--listen"},
        {{"--tcp=yes"}, "--tcp"},
        {{"stray"}, "'stray' is not an option"},
        {{"--", "stray"}, "'stray' is not an option"},
        {{"--compat", "aws"}, "option '--compat': 'aws' is neither e2b nor wrenn"},
        {{"--log-level", "loud"}, "option '--log-level': 'loud' is no level"},
        {{"--log-format", "xml"}, "option '--log-format': 'xml' is neither text nor json"},
        {{"--ring", "8191"}, "--ring"},
        {{"--ring", "1073741825"}, "--ring"},
        {{"--ring", "1m"}, "--ring"},
        {{"--ring-total", "131071"}, "--ring-total"},
        {{"--max-connections", "1"}, "--max-connections"},
        {{"--max-connections", "60001"}, "--max-connections"},
        {{"--max-connections", ""}, "--max-connections"},
        {{"-port", "65536"}, "port"},
        {{"-port", "-1"}, "port"},
        {{"--vsock-allow", "4294967296"}, "--vsock-allow"},
        {{"--vsock-allow", "host"}, "--vsock-allow"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (parse_as("guestd", cases[i].words) == 0)
            fail_msg("accepted: %s", cases[i].words[0]);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
        if (!strstr(e.text, cases[i].names) || strchr(e.text, '\n'))
            fail_msg("%s: %s", cases[i].words[0], e.text);
    }
}

/* The kernel gives its init what it does not know of its command line. */
static void an_init_passes_over_the_kernels_words(void **state)
{
    char *argv[] = {"/sbin/init", "splash", "--tcp", "quieter", "--", "--open", NULL};

    (void)state;
    flags_init(&f, argv[0]);
    assert_int_equal(flags_parse(&f, 6, argv, &boot, &e), 0);
    assert_true(f.tcp);
    assert_true(f.open);
    flags_init(&f, argv[0]);
    assert_int_equal(flags_parse(&f, 6, argv, NULL, &e), -1);
    assert_string_equal(e.text, "'splash' is not an option");
}

/* What it cannot use is a problem of its boot; the rest counts. */
static void an_init_boots_with_wrong_options(void **state)
{
    char *argv[] = {"/sbin/init", "--no-such", "--ring", "x", "--tcp", "--listen", NULL};
    int before = dup(STDERR_FILENO);

    (void)state;
    assert_non_null(freopen("/dev/null", "w", stderr));
    flags_init(&f, argv[0]);
    assert_int_equal(flags_parse(&f, 6, argv, &boot, &e), 0);
    dup2(before, STDERR_FILENO);
    close(before);
    assert_true(f.tcp);
    assert_int_equal(boot.problem_count, 3);
    assert_string_equal(boot.problems[0], "option '--no-such' is unknown");
    assert_non_null(strstr(boot.problems[1], "'--ring': 'x' is not a number"));
    assert_string_equal(boot.problems[2], "option '--listen' needs an argument");
    boot_clear(&boot);
}

/* Behind "--" is the program, with words that are options of its own. */
static void a_containers_program_stands_behind_init(void **state)
{
    char *argv[] = {"guestd", "--tcp", "--init", "--", "sh", "--open", "--", "-c", NULL};
    char *none[] = {"guestd", "--init", "--", NULL}, *other[] = {"guestd", "--", "--init", "--", "sh", NULL};

    (void)state;
    flags_init(&f, argv[0]);
    assert_true(flags_have_command(8, argv));
    assert_int_equal(flags_parse(&f, 8, argv, NULL, &e), 0);
    assert_true(f.init && f.tcp && !f.open);
    assert_ptr_equal(f.command, argv + 4);
    flags_init(&f, argv[0]);
    assert_int_equal(flags_parse(&f, 8, argv, &boot, &e), 0);
    assert_ptr_equal(f.command, argv + 4);
    flags_init(&f, argv[0]);
    assert_false(flags_have_command(3, none));
    assert_int_equal(flags_parse(&f, 3, none, NULL, &e), 0);
    assert_null(f.command);
    flags_init(&f, argv[0]);
    assert_int_equal(flags_parse(&f, 5, other, NULL, &e),
                     -1); /* without --init before it, "--" means nothing */
    assert_string_equal(e.text, "'--init' is not an option");
}

static void repeated_options_are_bounded(void **state)
{
    static const char *const repeated[][2] = {{"--listen", "unix:/a"}, {"--vsock-allow", "7"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(repeated); i++) {
        const char *words[2 * FLAGS_LISTEN_MAX + 3] = {NULL};
        size_t n = 0;

        while (n < 2 * FLAGS_LISTEN_MAX) {
            words[n++] = repeated[i][0];
            words[n++] = repeated[i][1];
        }
        assert_int_equal(parse_as("guestd", words), 0);
        words[n++] = repeated[i][0];
        words[n++] = repeated[i][1];
        assert_int_equal(parse_as("guestd", words), -1);
        assert_non_null(strstr(e.text, repeated[i][0]));
    }
}

/* --- what is printed ------------------------------------------------------------------------- */

static char printed[1 << 16];

static void print(void (*fn)(void))
{
    int before = dup(STDOUT_FILENO);
    FILE *file = tmpfile();
    size_t n;

    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    fn();
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    rewind(file);
    n = fread(printed, 1, sizeof printed - 1, file);
    printed[n] = 0;
    fclose(file);
}

static void help_holds_the_whole_table_and_fits_a_screen(void **state)
{
    size_t count, lines = 0;
    const struct option *table = flags_table(&count);

    (void)state;
    print(flags_print_help);
    for (size_t i = 0; i < count; i++) {
        if (!strstr(printed, table[i].text))
            fail_msg("%s is missing", table[i].name);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(table[i].name, table[k].name);
    }
    for (const char *p = printed; *p; p++)
        lines += *p == '\n';
    assert_true(lines < 60);
}

static void limits_are_printed_with_their_values(void **state)
{
    const char *line;

    (void)state;
    print(flags_print_limits);
    line = strstr(printed, "STDIN_QUEUE_MAX ");
    assert_non_null(line);
    assert_int_equal(strtoul(line + 16, NULL, 10), STDIN_QUEUE_MAX);
#define X(name, value, unit, reason) assert_non_null(strstr(printed, #name " "));
    LIMITS(X)
#undef X
}

/* The configuration's keys are the flags that are ours. */
static void settings_are_flags(void **state)
{
    static char *none[1], *level[] = {"debug"}, *two[] = {"a", "b"};

    (void)state;
    flags_init(&f, NULL);
    assert_int_equal(flags_take_setting(&f, "log-level", level, 1, &e), 1);
    assert_int_equal(f.log_level, LOG_DEBUG);
    assert_int_equal(flags_take_setting(&f, "tcp", none, 0, &e), 1);
    assert_true(f.tcp);
    assert_int_equal(flags_take_setting(&f, "tcp", level, 1, &e), -1);
    assert_string_equal(e.text, "tcp: it takes nothing");
    assert_int_equal(flags_take_setting(&f, "listen", two, 2, &e), -1);
    assert_string_equal(e.text, "listen: it takes ADDRESS");
    assert_int_equal(flags_take_setting(&f, "ring", level, 1, &e), -1);
    assert_string_equal(e.text, "option '--ring': 'debug' is not a number from 8192 to 1073741824");
    assert_int_equal(flags_take_setting(&f, "port", two, 1, &e), 0); /* envd's */
    assert_int_equal(flags_take_setting(&f, "nothing", none, 0, &e), 0);
}

static void settings_are_forgotten(void **state)
{
    static char *level[] = {"debug"}, *address[] = {"unix:/x"};

    (void)state;
    flags_init(&f, "/usr/bin/envd");
    assert_int_equal(flags_take_setting(&f, "log-level", level, 1, &e), 1);
    assert_int_equal(flags_take_setting(&f, "listen", address, 1, &e), 1);
    flags_forget_settings(&f);
    assert_int_equal(f.log_level, LOG_INFO);
    assert_int_equal(f.listen_count, 0);
    assert_true(f.envd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_flags),
        cmocka_unit_test(settings_are_forgotten),
        cmocka_unit_test(without_words_there_are_defaults),
        cmocka_unit_test(each_option_sets_its_field),
        cmocka_unit_test(the_last_of_two_wins),
        cmocka_unit_test(envds_words_make_it_an_envd),
        cmocka_unit_test(the_name_of_stacyvms_agent),
        cmocka_unit_test(mistakes_name_the_word),
        cmocka_unit_test(an_init_passes_over_the_kernels_words),
        cmocka_unit_test(an_init_boots_with_wrong_options),
        cmocka_unit_test(a_containers_program_stands_behind_init),
        cmocka_unit_test(repeated_options_are_bounded),
        cmocka_unit_test(help_holds_the_whole_table_and_fits_a_screen),
        cmocka_unit_test(limits_are_printed_with_their_values),
    };

    return RUN(tests);
}
