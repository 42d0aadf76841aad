/* cat and watch: what is printed of what comes. */
#include "test.h"

#include "files_rig.h"

#include "rpc/envelope.h"

/* Events of each kind, as a stream that ends in order. */
static void answer_events(void)
{
    static const struct {
        Filesystem__EventType type;
        const char *name;
        bool overflow;
    } events[] = {
        {FILESYSTEM__EVENT_TYPE__EVENT_TYPE_CREATE, "d/new", false},
        {FILESYSTEM__EVENT_TYPE__EVENT_TYPE_CHMOD, "two\nlines\033[m", false},
        {FILESYSTEM__EVENT_TYPE__EVENT_TYPE_UNSPECIFIED, ".", true},
        {(Filesystem__EventType)77, "x", false},
    };
    static const char end[] = "\x02\0\0\0\x02{}";
    char body[1024];
    size_t len = 0;

    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        Filesystem__WatchDirResponse m = FILESYSTEM__WATCH_DIR_RESPONSE__INIT;
        Filesystem__FilesystemEvent event = FILESYSTEM__FILESYSTEM_EVENT__INIT;
        size_t size;

        event.type = events[i].type;
        event.name = (char *)(uintptr_t)events[i].name;
        event.overflow = events[i].overflow;
        m.event_case = FILESYSTEM__WATCH_DIR_RESPONSE__EVENT_FILESYSTEM;
        m.filesystem = &event;
        size = protobuf_c_message_pack(&m.base, (uint8_t *)body + len + ENVELOPE_SIZE);
        envelope_encode(0, (uint32_t)size, (uint8_t *)body + len);
        len += ENVELOPE_SIZE + size;
    }
    memcpy(body + len, end, sizeof end - 1);
    agent_http(200, "Content-Type: application/connect+proto\r\n", body, len + sizeof end - 1);
}

static void each_event_is_a_line(void **state)
{
    (void)state;
    answer_events();
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "watch", "-r", "/d"), CTL_OK);
    assert_string_equal(printed, "create   d/new\nchmod    two?lines?[m\noverflow .\nunknown  x\n");
}

static void or_an_object(void **state)
{
    (void)state;
    answer_events();
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "--json", "watch", "/d"), CTL_OK);
    assert_string_equal(printed,
                        "{\"event\":\"create\",\"name\":\"d/new\"}\n"
                        "{\"event\":\"chmod\",\"name\":\"two\\nlines\\u001b[m\"}\n"
                        "{\"event\":\"overflow\",\"name\":\".\"}\n{\"event\":\"unknown\",\"name\":\"x\"}\n");
}

static void cat_prints_one_after_the_other(void **state)
{
    (void)state;
    agent_http(200, "", "one", 3);
    agent_http(404, "", "{\"message\":\"none\"}", 18);
    on_the_same();
    agent_http(200, "", "two", 3);
    on_the_same();
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "cat", "/1", ":/no", "/2"), CTL_REFUSED);
    assert_string_equal(printed, "onetwo");
    assert_string_equal(said, "guestctl: cat '/no': none\n");
}

static void wrong_words_are_usage(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("cat"), CTL_USAGE);
    assert_int_equal(GUESTCTL("watch"), CTL_USAGE);
    assert_int_equal(GUESTCTL("watch", "a", "b"), CTL_USAGE);
    assert_int_equal(GUESTCTL("watch", "--nope", "a"), CTL_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_event_is_a_line),
        T(or_an_object),
        T(cat_prints_one_after_the_other),
        T(wrong_words_are_usage),
    };

    return RUN(tests);
}
