/* The line of a git call under way. */
#include "ctl/git_progress.h"

#include "test.h"

#include "ctl_rig.h"

static Guest__V1__GitProgress progress(const char *phase, uint64_t done, uint64_t total, uint64_t bytes,
                                       uint64_t rate)
{
    Guest__V1__GitProgress m = GUEST__V1__GIT_PROGRESS__INIT;

    m.phase = (char *)(uintptr_t)phase;
    m.done = done;
    m.total = total;
    m.bytes = bytes;
    m.bytes_per_second = rate;
    return m;
}

static void texts(void **state)
{
    const struct {
        Guest__V1__GitProgress m;
        const char *text;
    } cases[] = {
        {progress("Counting", 12, 0, 0, 0), "Counting  12"},
        {progress("Receiving", 1, 2, 0, 0), "Receiving  [============>           ]  50%  1/2"},
        {progress("Receiving", 3, 2, 1 << 20, 2048),
         "Receiving  [========================] 100%  3/2  1.0 MiB  2.0 KiB/s"},
        {progress("\033[m", 0, 1, 0, 0), "?[m  [>                       ]   0%  0/1"},
        {progress("123456789012345678901234567890123456789012345678901234567890 and more", UINT64_MAX,
                  UINT64_MAX, UINT64_MAX, UINT64_MAX),
         "123456789012345678901234567890123456789012345678901234567890  [========================] 100%  "
         "18446744073709551615/18446744073709551615  16777216.0 TiB  16777216.0 TiB/s"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[GIT_PROGRESS_TEXT];

        git_progress_text(&cases[i].m, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void show(bool wanted, const Guest__V1__GitProgress *m)
{
    struct git_progress_line p;
    struct capture c;

    capture_begin(&c);
    git_progress_init(&p, wanted);
    git_progress_show(&p, m);
    git_progress_clear(&p);
    capture_end(&c);
}

static void without_a_terminal_only_when_wanted(void **state)
{
    Guest__V1__GitProgress m = progress("Counting", 1, 0, 0, 0), remote = progress("", 0, 0, 0, 0);

    (void)state;
    show(false, &m);
    assert_string_equal(said, "");
    show(true, &m);
    assert_string_equal(said, "Counting  1\n");
    remote.remote = (char *)(uintptr_t) "hi\033[m";
    show(true, &remote);
    assert_string_equal(said, "remote: hi?[m\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts),
                                       cmocka_unit_test(without_a_terminal_only_when_wanted)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
