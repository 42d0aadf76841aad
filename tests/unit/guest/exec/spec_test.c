/* A spec's copy stands on its own: one allocation, no pointer into what it was made from. */
#include "guest/exec/spec.h"

#include <stdio.h>

#include "test.h"

static void the_copy_outlives_its_source(void **state)
{
    char cmd[] = "cmd", cwd[] = "/dir", tag[] = "tag", user[] = "bob", a[] = "one", b[] = "", name[] = "N",
         value[] = "v=w";
    const char *args[] = {a, b};
    struct exec_var vars[] = {{name, value}};
    struct exec_spec view = {.cmd = cmd,
                             .args = args,
                             .arg_count = 2,
                             .vars = vars,
                             .var_count = 1,
                             .cwd = cwd,
                             .tag = tag,
                             .user = user,
                             .pty = true,
                             .cols = 91,
                             .rows = 33,
                             .timeout_ms = 5};
    struct exec_spec *s = exec_spec_copy(&view);
    char *all[] = {cmd, cwd, tag, user, a, name, value};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        *all[i] = '#';
    args[0] = args[1] = NULL;
    vars[0] = (struct exec_var){NULL, NULL};
    assert_string_equal(s->cmd, "cmd");
    assert_string_equal(s->cwd, "/dir");
    assert_string_equal(s->tag, "tag");
    assert_string_equal(s->user, "bob");
    assert_int_equal(s->arg_count, 2);
    assert_string_equal(s->args[0], "one");
    assert_string_equal(s->args[1], "");
    assert_int_equal(s->var_count, 1);
    assert_string_equal(s->vars[0].name, "N");
    assert_string_equal(s->vars[0].value, "v=w");
    assert_true(s->pty);
    assert_int_equal(s->cols, 91);
    assert_int_equal(s->rows, 33);
    assert_int_equal(s->timeout_ms, 5);
    free(s);
}

/* What was not given stays so: an empty text is something else. */
static void nothing_stays_nothing(void **state)
{
    struct exec_spec *s = exec_spec_copy(&(struct exec_spec){.cmd = "x", .tag = ""});

    (void)state;
    assert_string_equal(s->cmd, "x");
    assert_string_equal(s->tag, "");
    assert_null(s->cwd);
    assert_null(s->user);
    assert_int_equal(s->arg_count, 0);
    assert_int_equal(s->var_count, 0);
    free(s);
}

static void many_arguments_are_all_there(void **state)
{
    enum { N = 5000 };
    static char texts[N][8];
    static const char *args[N];
    struct exec_spec *s;

    (void)state;
    for (int i = 0; i < N; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        args[i] = texts[i];
    }
    s = exec_spec_copy(&(struct exec_spec){.cmd = "x", .args = args, .arg_count = N});
    for (int i = 0; i < N; i++)
        assert_string_equal(s->args[i], texts[i]);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_copy_outlives_its_source),
        cmocka_unit_test(nothing_stays_nothing),
        cmocka_unit_test(many_arguments_are_all_there),
    };

    return RUN(tests);
}
