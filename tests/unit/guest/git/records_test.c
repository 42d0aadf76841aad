#include "guest/git/records.h"

#include "core/limits.h"
#include "test.h"

struct seen {
    struct git_records records;
    char text[256];
    size_t count;
    bool refuse;
};

static int on_record(struct git_records *r, struct bytes record, struct err *e)
{
    struct seen *s = CONTAINER_OF(r, struct seen, records);

    strncat(s->text, record.ptr, record.len);
    strcat(s->text, "|");
    s->count++;
    return s->refuse ? err_set(e, STATUS_DATA_LOSS, 0, "no") : 0;
}

static int on_cut(struct git_records *r, struct bytes record, struct err *e)
{
    struct seen *s = CONTAINER_OF(r, struct seen, records);

    (void)e;
    strncat(s->text, record.ptr, record.len);
    strcat(s->text, r->cut ? "...|" : "|");
    return 0;
}

/* However it is cut, the records are the same. */
static void in_pieces(void **state)
{
    static const char text[] = "one;;three;fo";
    struct err e;

    (void)state;
    for (size_t size = 1; size < sizeof text; size++) {
        struct seen s = {.records = {.end = ';', .record = on_record}};

        for (size_t at = 0; at < sizeof text - 1; at += size)
            assert_int_equal(
                git_records_feed(&s.records, (struct bytes){text + at, MIN(size, sizeof text - 1 - at)}, &e),
                0);
        assert_string_equal(s.text, "one||three|");
        assert_int_equal(git_records_end(&s.records, &e), -1);
        assert_int_equal(git_records_feed(&s.records, BYTES_LIT("ur;"), &e), 0);
        assert_string_equal(s.text, "one||three|four|");
        assert_int_equal(git_records_end(&s.records, &e), 0);
        git_records_clear(&s.records);
    }
}

static void bounded(void **state)
{
    static char text[GIT_RECORD_MAX];
    struct seen s = {.records = {.end = 0, .record = on_record}};
    struct err e;

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(git_records_feed(&s.records, (struct bytes){text, sizeof text}, &e), 0);
    assert_int_equal(git_records_feed(&s.records, BYTES_LIT("x"), &e), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    git_records_clear(&s.records);
}

/* The rest of a long record is lost, however it comes; the next one is whole. */
static void cut_short(void **state)
{
    static const char text[] = "abcdefgh;ij;abcd;";
    struct err e;

    (void)state;
    for (size_t size = 1; size < sizeof text; size++) {
        struct seen s = {.records = {.end = ';', .record = on_cut, .most = 4}};

        for (size_t at = 0; at < sizeof text - 1; at += size)
            assert_int_equal(
                git_records_feed(&s.records, (struct bytes){text + at, MIN(size, sizeof text - 1 - at)}, &e),
                0);
        assert_string_equal(s.text, "abcd...|ij|abcd|");
        git_records_clear(&s.records);
    }
}

static void what_the_reader_says(void **state)
{
    struct seen s = {.records = {.end = ';', .record = on_record}, .refuse = true};
    struct err e;

    (void)state;
    assert_int_equal(git_records_feed(&s.records, BYTES_LIT("a;b;"), &e), -1);
    assert_int_equal(e.status, STATUS_DATA_LOSS);
    assert_int_equal(s.count, 1);
    git_records_clear(&s.records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_pieces), cmocka_unit_test(bounded),
                                       cmocka_unit_test(cut_short), cmocka_unit_test(what_the_reader_says)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
