#include "core/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

enum { PAGES = 4 };

static uint8_t *memory;
static size_t page;

static int setup(void **state)
{
    (void)state;
    page = (size_t)sysconf(_SC_PAGESIZE);
    memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -1;
    memset(memory, 1, PAGES * page);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return munmap(memory, PAGES * page);
}

/* How many of our bytes still have their value. */
static size_t kept(void)
{
    size_t n = 0;

    for (size_t i = 0; i < PAGES * page; i++)
        n += memory[i] == 1;
    return n;
}

static void whole_pages_go(void **state)
{
    (void)state;
    pages_forget(memory + page, 2 * page);
    assert_int_equal(kept(), 2 * page);
    assert_int_equal(memory[page - 1], 1);
    assert_int_equal(memory[page], 0);
    assert_int_equal(memory[3 * page - 1], 0);
    assert_int_equal(memory[3 * page], 1);
}

static void bytes_around_whole_pages_stay(void **state)
{
    (void)state;
    pages_forget(memory + 1, 3 * page); /* two whole pages lie in it */
    assert_int_equal(kept(), 2 * page);
    assert_int_equal(memory[page - 1], 1);
    assert_int_equal(memory[3 * page], 1);
}

static void less_than_a_page_stays(void **state)
{
    (void)state;
    pages_forget(memory + 1, page - 1);
    pages_forget(memory + page - 1, page);
    pages_forget(memory, 0);
    assert_int_equal(kept(), PAGES * page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_pages_go, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_around_whole_pages_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(less_than_a_page_stays, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
