/* One file each way: what is sent, what lies here afterwards, and that nothing half does. */
#include "test.h"

#include "files_rig.h"

#include "ctl/transfer.h"

static struct transfer t;
static struct answer_error e;

/* Goes on until the transfer ends; closes it. */
static int run(int begun)
{
    struct pollfd input;
    int ret = begun;

    while (ret == 0) {
        struct pollfd p[2];

        p[0] = transfer_poll(&t, &input);
        p[1] = input;
        poll(p, 2, 5000);
        ret = transfer_turn(&t, &e);
    }
    assert_int_equal(t.state, TRANSFER_IDLE);
    transfer_close(&t);
    agent_finish();
    return ret;
}

static int up(const struct transfer_file *f)
{
    transfer_init(&t, &ours);
    agent_start();
    return run(transfer_up(&t, f, &e));
}

static int down(const struct transfer_file *f)
{
    transfer_init(&t, &ours);
    agent_start();
    return run(transfer_down(&t, f, &e));
}

static void an_upload_says_all_of_its_file(void **state)
{
    const struct timespec times[2] = {{0}, {-2, 750000000}};

    (void)state;
    write_here("f", "content");
    chmod(in_here("f"), 0640);
    utimensat(AT_FDCWD, in_here("f"), times, 0);
    agent_http(200, "", "[]", 2);
    assert_int_equal(up(&(struct transfer_file){.here = in_here("f"), .there = "/d/f", .user = "bob"}), 1);
    assert_int_equal(
        strncmp(agent.request,
                "POST /files?path=/d/f&username=bob&fsync=none&atomic=1&mode=0640&mtime=-1.250000000 HTTP",
                86),
        0);
    assert_string_equal(strstr(agent.request, "\r\n\r\n"), "\r\n\r\ncontent");
    unlink(in_here("f"));
}

static void a_part_begins_behind_what_is_there(void **state)
{
    (void)state;
    write_here("f", "content");
    agent_http(200, "", "[]", 2);
    assert_int_equal(
        up(&(struct transfer_file){.here = in_here("f"), .there = "/f", .partial = true, .offset = 3}), 1);
    assert_non_null(strstr(agent.request, "offset=3&"));
    assert_null(strstr(agent.request, "atomic"));
    assert_string_equal(strstr(agent.request, "\r\n\r\n"), "\r\n\r\ntent");
    unlink(in_here("f"));
}

static void what_cannot_be_sent_asks_nobody(void **state)
{
    (void)state;
    assert_int_equal(up(&(struct transfer_file){.here = in_here("none"), .there = "/f"}), -1);
    assert_true(e.from_agent);
    assert_non_null(strstr(e.err.text, "no such file"));
    assert_int_equal(mkfifo(in_here("fifo"), 0600), 0);
    assert_int_equal(up(&(struct transfer_file){.here = in_here("fifo"), .there = "/f"}), -1);
    assert_int_equal(agent.request_len, 0);
    unlink(in_here("fifo"));
}

static void a_refused_upload_is_the_agents_word(void **state)
{
    (void)state;
    write_here("f", "content");
    agent_http(507, "", "{\"message\":\"full\"}", 18);
    assert_int_equal(up(&(struct transfer_file){.here = in_here("f"), .there = "/f"}), -1);
    assert_string_equal(e.err.text, "full");
    unlink(in_here("f"));
}

static void a_download_has_content_bits_and_time(void **state)
{
    struct stat st;

    (void)state;
    agent_http(200, "", "content", 7);
    assert_int_equal(
        down(&(struct transfer_file){
            .here = in_here("f"), .there = "/f", .has_meta = true, .mode = 04750, .modified = {5, 6}}),
        1);
    assert_string_equal(read_here("f"), "content");
    assert_int_equal(stat(in_here("f"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(st.st_mtim.tv_sec, 5);
    assert_int_equal(st.st_mtim.tv_nsec, 6);
    unlink(in_here("f"));
}

/* See also files_teardown: nothing may lie here. */
static void a_download_that_fails_leaves_what_was(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 404 X\r\nContent-Length: 18\r\n\r\n{\"message\":\"none\"}",
        "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nnot all",
        "HTTP/1.1 206 X\r\nContent-Range: bytes 7-8/9\r\nContent-Length: 2\r\n\r\nxx",
    };

    (void)state;
    write_here("f", "old");
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        agent.count = 0;
        agent_answers(answers[i], false);
        assert_int_equal(down(&(struct transfer_file){.here = in_here("f"), .there = "/f"}), -1);
        assert_string_equal(read_here("f"), "old");
    }
    unlink(in_here("f"));
}

static void a_part_goes_on_or_begins_anew(void **state)
{
    static const struct {
        int status;
        const char *head, *body, *whole;
    } cases[] = {{206, "Content-Range: bytes 3-6/7\r\n", "tent", "content"}, {200, "", "other", "other"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        agent.count = 0;
        write_here("part", "con and something behind");
        agent_http(cases[i].status, cases[i].head, cases[i].body, strlen(cases[i].body));
        assert_int_equal(
            down(&(struct transfer_file){
                .here = in_here("part"), .there = "/f", .partial = true, .offset = 3, .validator = "\"v\""}),
            1);
        assert_non_null(strstr(agent.request, "range: bytes=3-\r\nif-range: \"v\"\r\n"));
        assert_string_equal(read_here("part"), cases[i].whole);
    }
    unlink(in_here("part"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_upload_says_all_of_its_file),       T(a_part_begins_behind_what_is_there),
        T(what_cannot_be_sent_asks_nobody),      T(a_refused_upload_is_the_agents_word),
        T(a_download_has_content_bits_and_time), T(a_download_that_fails_leaves_what_was),
        T(a_part_goes_on_or_begins_anew),
    };

    return RUN(tests);
}
