#include "git/letters.h"

#include "core/base.h"
#include "test.h"

static void each(void **state)
{
    static const char letters[] = "AMDRCTU";
    static const Guest__V1__Change changes[] = {
        GUEST__V1__CHANGE__CHANGE_ADDED,   GUEST__V1__CHANGE__CHANGE_MODIFIED,
        GUEST__V1__CHANGE__CHANGE_DELETED, GUEST__V1__CHANGE__CHANGE_RENAMED,
        GUEST__V1__CHANGE__CHANGE_COPIED,  GUEST__V1__CHANGE__CHANGE_TYPE,
        GUEST__V1__CHANGE__CHANGE_UNMERGED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        assert_int_equal(git_change_of(letters[i]), changes[i]);
    assert_int_equal(git_change_of('.'), GUEST__V1__CHANGE__CHANGE_UNSPECIFIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
