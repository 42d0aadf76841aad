/* The line of a copy under way: what it says, and that it is for terminals. */
#include "test.h"

#include "ctl_rig.h"

#include "ctl/progress.c"

static void the_line_has_rate_and_rest(void **state)
{
    static const struct {
        struct progress p;
        uint64_t ms;
        const char *text;
    } cases[] = {
        {{.bytes = 0}, 0, "0 files  0 B  0 B/s"},
        {{.bytes = 1023, .files = 3}, 1000, "3 files  1023 B  1023 B/s"},
        {{.bytes = 3 << 20, .files = 1}, 2000, "1 files  3.0 MiB  1.5 MiB/s"},
        {{.bytes = 1 << 20, .total = 4 << 20}, 1000, " 25%  1.0 MiB  1.0 MiB/s  0:03 left"},
        {{.bytes = 1 << 20, .total = 201 << 20}, 1000, "  0%  1.0 MiB  1.0 MiB/s  3:20 left"},
        {{.bytes = 5 << 20, .total = 4 << 20}, 1000, "100%  5.0 MiB  5.0 MiB/s  0:00 left"},
        {{.bytes = 0, .total = 4 << 20}, 1000, "  0%  0 B  0 B/s  0:00 left"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[PROGRESS_LINE];

        progress_text(&cases[i].p, cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void without_a_terminal_there_is_none(void **state)
{
    struct progress p;
    struct capture c;

    (void)state;
    capture_begin(&c);
    progress_init(&p);
    progress_add(&p, 1000, true);
    p.next_ms = 0;
    progress_show(&p);
    progress_clear(&p);
    capture_end(&c);
    assert_string_equal(printed, "");
    assert_string_equal(said, "");
    assert_int_equal(progress_patience(&p), -1);
    assert_int_equal(p.bytes, 1000);
    assert_int_equal(p.files, 1);
}

static void on_one_it_comes_and_goes(void **state)
{
    struct progress p;
    struct capture c;

    (void)state;
    capture_begin(&c);
    progress_init(&p);
    p.shown_at_all = true;
    progress_clear(&p); /* nothing stands there yet */
    p.next_ms = 0;
    assert_int_equal(progress_patience(&p), 0);
    progress_show(&p);
    progress_show(&p); /* not so soon again */
    progress_clear(&p);
    capture_end(&c);
    assert_int_equal(strncmp(said, "\r\033[K0 files", 11), 0);
    assert_string_equal(strrchr(said, '\r'), "\r\033[K");
    assert_ptr_equal(strstr(said + 1, "0 files"), strstr(said, "0 files"));
    assert_true(progress_patience(&p) > 0 && progress_patience(&p) <= EVERY_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_has_rate_and_rest),
        cmocka_unit_test(without_a_terminal_there_is_none),
        cmocka_unit_test(on_one_it_comes_and_goes),
    };

    return RUN(tests);
}
