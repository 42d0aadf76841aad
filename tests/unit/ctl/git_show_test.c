/* What a person sees of git's answers. Those that a system test compares with git's own words are not repeated here. */
#include "ctl/git_show.h"

#include "test.h"

#include "core/limits.h"
#include "ctl_rig.h"

#include "guest/v1/git.pb-c.h"

/* Shows an answer that stands in JSON. */
static const char *shown(void (*show)(const ProtobufCMessage *), const ProtobufCMessageDescriptor *d,
                         const char *json)
{
    struct arena a = {.max = MIB};
    struct capture c;
    struct err e;
    const ProtobufCMessage *m = codec_decode(CODEC_JSON, d, bytes_of(json), &a, &e);

    assert_non_null(m);
    capture_begin(&c);
    show(m);
    capture_end(&c);
    arena_clear(&a);
    return printed;
}

static void branches(void **state)
{
    (void)state;
    assert_string_equal(
        shown(
            git_show_branches, &guest__v1__branches_response__descriptor,
            "{\"branches\":[{\"name\":\"main\",\"current\":true,\"commit\":\"0123456789abcdef\",\"upstream\":"
            "\"o/m\","
            "\"ahead\":1,\"behind\":2,\"subject\":\"aGk=\"},"
            "{\"name\":\"x\",\"commit\":\"0123456789abcdef\",\"upstream\":\"o/x\",\"upstreamGone\":true}]}"),
        "* main 0123456789ab [o/m: ahead 1, behind 2] hi\n  x 0123456789ab [o/x: gone] \n");
}

static void updates(void **state)
{
    (void)state;
    assert_string_equal(
        shown(git_show_push, &guest__v1__push_response__descriptor,
              "{\"result\":{\"updates\":[{\"ref\":\"refs/heads/"
              "a\",\"oldCommit\":\"0123456789abcdef\",\"newCommit\":"
              "\"fedcba9876543210\",\"kind\":\"KIND_REJECTED\",\"reason\":\"fetch first\"}]}}"),
        "rejected 0123456789ab..fedcba987654 refs/heads/a (fetch first)\n");
    assert_string_equal(shown(git_show_fetch, &guest__v1__fetch_response__descriptor,
                              "{\"result\":{\"updates\":[{\"ref\":\"r\",\"kind\":99}]}}"),
                        "?        .. r\n");
    assert_string_equal(shown(git_show_pull, &guest__v1__pull_response__descriptor,
                              "{\"result\":{\"oldCommit\":\"a\",\"newCommit\":\"b\"}}"),
                        "a..b\n");
}

static void remotes_and_configuration(void **state)
{
    (void)state;
    assert_string_equal(shown(git_show_remotes, &guest__v1__remotes_response__descriptor,
                              "{\"remotes\":[{\"name\":\"o\",\"fetchUrl\":\"u\",\"pushUrl\":\"u\"},"
                              "{\"name\":\"p\",\"fetchUrl\":\"u\",\"pushUrl\":\"v\"}]}"),
                        "o\tu\np\tu\tpush v\n");
    assert_string_equal(shown(git_show_get_config, &guest__v1__get_config_response__descriptor,
                              "{\"values\":[\"YQ==\",\"Yg==\"]}"),
                        "a\nb\n");
    assert_string_equal(shown(git_show_list_config, &guest__v1__list_config_response__descriptor,
                              "{\"entries\":[{\"key\":\"a.b\",\"value\":\"Yw==\"}]}"),
                        "a.b=c\n");
}

static void commits(void **state)
{
    (void)state;
    assert_string_equal(
        shown(git_show_commit, &guest__v1__commit_response__descriptor, "{\"commit\":\"0123456789abcdef\"}"),
        "(detached) 0123456789ab\n");
    assert_string_equal(
        shown(
            git_show_log, &guest__v1__log_response__descriptor,
            "{\"commits\":[{\"commit\":\"c\",\"author\":{\"name\":\"A\",\"email\":\"e\",\"time\":"
            "\"2001-02-03T04:05:06Z\"},\"subject\":\"cw==\",\"body\":\"YQoKYg==\",\"refs\":[\"m\",\"v\"]}]}"),
        "commit c (m, v)\nAuthor: A <e>\nDate:   2001-02-03 04:05:06 +0000\n\n    s\n\n    a\n\n    b\n\n");
}

static void changes(void **state)
{
    (void)state;
    assert_string_equal(shown(git_show_changes, &guest__v1__changes_response__descriptor,
                              "{\"files\":[{\"path\":\"YQ==\",\"originalPath\":\"Yg==\",\"change\":\"CHANGE_"
                              "RENAMED\",\"addedLines\":1},"
                              "{\"path\":\"Yw==\",\"change\":\"CHANGE_ADDED\",\"binary\":true}]}"),
                        "R\t1\t0\tb -> a\nA\t-\t-\tc\n");
    assert_string_equal(shown(git_show_status, &guest__v1__status_response__descriptor,
                              "{\"branch\":\"m\",\"upstream\":\"o/"
                              "m\",\"ahead\":0,\"behind\":3,\"operation\":\"merge\",\"entries\":["
                              "{\"path\":\"YQ==\",\"conflict\":\"UU\"},{\"path\":\"Yg==\",\"ignored\":true},"
                              "{\"path\":\"Yw==\",\"originalPath\":\"ZA==\",\"staged\":\"CHANGE_RENAMED\","
                              "\"unstaged\":\"CHANGE_DELETED\"}]}"),
                        "## m...o/m [ahead 0, behind 3] (merge)\nUU a\n!! b\nRD d -> c\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(branches), cmocka_unit_test(updates),
                                       cmocka_unit_test(remotes_and_configuration), cmocka_unit_test(commits),
                                       cmocka_unit_test(changes)};

    codec_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
