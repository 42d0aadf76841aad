#include "guest/fs/page.h"

#include "tree.h"

#define FILES 100

static unsigned seen[FILES];
static unsigned enough; /* after so many entries the page is full; 0: never */

static int found(void *arg, int at, const char *name, struct err *e)
{
    unsigned *n = arg;

    (void)e;
    assert_int_equal(faccessat(at, name, F_OK, 0), 0);
    seen[strtoul(name, NULL, 10)]++;
    return ++*n != enough;
}

static void each_exactly_once(void **state)
{
    unsigned n = 0, pages = 0;
    struct fs_page p = {.path = dir, .limit = 7, .found = found, .arg = &n};
    char name[8];
    struct err e;

    (void)state;
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%d", i);
        make_file(name, "");
    }
    do {
        assert_int_equal(fs_page(&p, &e), 0);
        pages++;
    } while (p.place.text[0]);
    assert_int_equal(n, FILES);
    assert_int_equal(pages, (FILES + 6) / 7);
    for (int i = 0; i < FILES; i++)
        assert_int_equal(seen[i], 1);
}

/* The last entry of a page is the last of all: no empty page follows. */
static void a_page_that_just_fits(void **state)
{
    unsigned n = 0;
    struct fs_page p = {.path = below(""), .limit = FILES, .found = found, .arg = &n};
    struct err e;

    (void)state;
    assert_int_equal(fs_page(&p, &e), 0);
    assert_int_equal(n, FILES);
    assert_string_equal(p.place.text, "");
    n = 0;
    p.limit = FILES - 1;
    assert_int_equal(fs_page(&p, &e), 0);
    assert_string_not_equal(p.place.text, "");
}

static void a_page_that_is_full_early(void **state)
{
    unsigned n = 0;
    struct fs_page p = {.path = below(""), .limit = FILES, .found = found, .arg = &n};
    struct err e;

    (void)state;
    enough = 3;
    assert_int_equal(fs_page(&p, &e), 0);
    assert_int_equal(n, 3);
    enough = 0;
    p.limit = FILES;
    assert_int_equal(fs_page(&p, &e), 0);
    assert_int_equal(n, FILES);
    assert_string_equal(p.place.text, "");
}

static void what_is_no_place(void **state)
{
    static const char *const wrong[] = {"2-0", "1-", "1-xyz", "1-5 ", "1-00000000000000000", "-"};
    struct fs_page p = {.path = below(""), .limit = 1, .found = found};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        strcpy(p.place.text, wrong[i]);
        assert_int_equal(fs_page(&p, &e), -1);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    }
    p.place.text[0] = 0;
    p.path = below("0");
    assert_int_equal(fs_page(&p, &e), -1);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_exactly_once),
        cmocka_unit_test(a_page_that_just_fits),
        cmocka_unit_test(a_page_that_is_full_early),
        cmocka_unit_test(what_is_no_place),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, clear);
}
