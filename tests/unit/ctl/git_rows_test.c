/* The table of git's verbs fits the requests that they fill. */
#include "ctl/git_fields.h"

#include "test.h"

#include "core/limits.h"
#include "ctl/git.h"

/* A word that a field of that kind takes. */
static const char *word_for(const struct option *o)
{
    if (!o->arg)
        return NULL;
    if (strchr(o->arg, '<'))
        return "A <a@x>";
    if (strchr(o->arg, '|') && o->arg[0] >= 'a')
        return strcmp(o->name, "scope") == 0 ? "local" : "merge";
    return "7";
}

static void options_fill_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < git_row_count; i++) {
        const struct git_row *row = &git_rows[i];
        struct arena a = {.max = MIB};
        struct err e;
        ProtobufCMessage *m = git_fields_new(&a, row->input, &e);

        for (size_t k = 0; k < row->verb.option_count; k++) {
            const struct option *o = &row->verb.options[k];

            if (o->id == GIT_FIELD && git_fields_set(&a, m, o->name, word_for(o), &e) < 0)
                fail_msg("%s --%s: %s", row->verb.name, o->name, e.text);
            if (o->id == GIT_DIRECTORY)
                assert_non_null(git_fields_string(m, "path"));
            if (o->id == GIT_CREDENTIALS)
                assert_non_null(git_fields_message(&a, m, "credentials", &e));
            if (o->id == GIT_ENV || o->id == GIT_HOOKS)
                assert_non_null(git_fields_message(&a, m, "options", &e));
        }
        assert_true(protobuf_c_message_check(m));
        arena_clear(&a);
    }
}

static void operands_fill_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < git_row_count; i++) {
        const struct git_row *row = &git_rows[i];
        struct arena a = {.max = MIB};
        struct err e;
        ProtobufCMessage *m = git_fields_new(&a, row->input, &e);
        int count = 0;

        for (; count < GIT_OPERANDS_MAX && row->operands[count]; count++) {
            assert_int_equal(git_fields_set(&a, m, row->operands[count], "x", &e), 0);
            if (git_fields_is_list(m, row->operands[count]))
                assert_int_equal(row->most, -1);
        }
        assert_true(row->most < 0 ? git_fields_is_list(m, row->operands[count - 1]) : row->most == count);
        assert_true(row->least <= count);
        arena_clear(&a);
    }
}

static void each_is_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < git_row_count; i++) {
        const struct verb *v = &git_rows[i].verb;

        assert_memory_equal(v->name, "git ", 4);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(v->name, git_rows[k].verb.name);
            assert_string_not_equal(git_rows[i].method, git_rows[k].method);
        }
        for (size_t a = 0; a < v->option_count; a++)
            for (size_t b = 0; b < a; b++) {
                assert_string_not_equal(v->options[a].name, v->options[b].name);
                if (v->options[a].letter)
                    assert_int_not_equal(v->options[a].letter, v->options[b].letter);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(options_fill_fields),
                                       cmocka_unit_test(operands_fill_fields),
                                       cmocka_unit_test(each_is_told_apart)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
