#include "git/identity.h"

#include "core/limits.h"
#include "test.h"

static const char *const names[] = {"N", "E", "D"};

static void check(void **state)
{
    static const struct {
        const char *name, *email;
        int ret;
    } cases[] = {{"A", "a@b", 0},        {"", "", 0},      {"A. B, Jr.", "", 0}, {"\xc3\xbc", "x", 0},
                 {" .,:;'\"\\", "", -1}, {"a<b", "", -1},  {"a\nb", "", -1},     {"", "a>", -1},
                 {"", ".", -1},          {"a\x7f", "", -1}};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Guest__V1__Identity m = GUEST__V1__IDENTITY__INIT;

        m.name = cases[i].name;
        m.email = cases[i].email;
        assert_int_equal(git_identity_check(&m, "author", &e), cases[i].ret);
    }
}

static void time_text(void **state)
{
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    char text[GIT_IDENTITY_TIME];
    struct err e;

    (void)state;
    t.nanos = 999999999;
    assert_int_equal(git_identity_time(&t, text, &e), 0);
    assert_string_equal(text, "@0 +0000");
    t.seconds = 253402300799;
    assert_int_equal(git_identity_time(&t, text, &e), 0);
    assert_string_equal(text, "@253402300799 +0000");
    t.seconds++;
    assert_int_equal(git_identity_time(&t, text, &e), -1);
    t.seconds = -1;
    assert_int_equal(git_identity_time(&t, text, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
}

/* Behind the variables of the request, and only what is given. */
static void variables(void **state)
{
    static const struct exec_var before = {"X", "1"};
    struct git_call c = {.arena = {.max = MIB}, .command = {.vars = &before, .var_count = 1}};
    Google__Protobuf__Timestamp when = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Guest__V1__Identity m = GUEST__V1__IDENTITY__INIT;
    struct err e;

    (void)state;
    assert_int_equal(git_identity_put(&c, NULL, names, "author", &e), 0);
    assert_int_equal(c.command.var_count, 1);
    m.email = "a@b";
    m.time = &when;
    when.seconds = 7;
    assert_int_equal(git_identity_put(&c, &m, names, "author", &e), 0);
    assert_int_equal(c.command.var_count, 3);
    assert_string_equal(c.command.vars[0].name, "X");
    assert_string_equal(c.command.vars[1].name, "E");
    assert_string_equal(c.command.vars[1].value, "a@b");
    assert_string_equal(c.command.vars[2].name, "D");
    assert_string_equal(c.command.vars[2].value, "@7 +0000");
    m.name = "<";
    assert_int_equal(git_identity_put(&c, &m, names, "author", &e), -1);
    arena_clear(&c.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(check), cmocka_unit_test(time_text),
                                       cmocka_unit_test(variables)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
