#include "stacyvm/content.h"

#include "core/base64.h"
#include "stacyvm_rig.h"

static unsigned rooms, tellings;
static struct err told_error;
static bool told_failed;
static char path[] = "/tmp/guestd-content-XXXXXX/sub/file";

static void on_room(void *owner)
{
    (void)owner;
    rooms++;
}

static void on_told(void *owner, const struct err *e)
{
    (void)owner;
    tellings++;
    told_failed = e != NULL;
    if (e)
        told_error = *e;
}

static const struct content_events events = {on_room, on_told};

static struct content *new_one(void)
{
    struct content *c = content_new(&fs_workers, settings.env, &events, &rooms);

    assert_non_null(c);
    rooms = tellings = 0;
    return c;
}

/* Gives it all the text, as it has room. */
static void put_all(struct content *c, const char *text, size_t len, size_t step, const char *where)
{
    while (len > 0) {
        size_t n = MIN(MIN(step, len), content_room(c));

        if (n == 0) {
            unsigned before = rooms;

            TURN_UNTIL(rooms > before);
            continue;
        }
        content_put(c, (struct bytes){text, n}, where);
        text += n;
        len -= n;
    }
}

static void assert_file(const uint8_t *data, size_t size)
{
    static uint8_t got[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_int_equal(read(fd, got, sizeof got), size);
    assert_memory_equal(got, data, size);
    close(fd);
}

static void contents_of_any_size(void **state)
{
    enum { MOST = 3 * STACYVM_BLOCK + 2 };
    static const size_t sizes[] = {0, 1, 2, 3, STACYVM_BLOCK - 1, STACYVM_BLOCK, STACYVM_BLOCK + 1, MOST};
    static const size_t steps[] = {1, 5, 1000, 65536};
    static uint8_t data[MOST];
    static char text[BASE64_LEN(MOST)];

    (void)state;
    for (size_t i = 0; i < MOST; i++)
        data[i] = (uint8_t)(i * 7 + i / 253);
    for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(steps) * 2; i++) {
        size_t size = sizes[i / 2 % ARRAY_LEN(sizes)];
        struct content *c = new_one();

        base64_encode(data, size, text);
        put_all(c, text, BASE64_LEN(size), steps[i / 2 / ARRAY_LEN(sizes)], i % 2 ? path : NULL);
        assert_true(content_is_whole(c));
        content_finish(c, path, true, 0640);
        TURN_UNTIL(tellings == 1);
        assert_false(told_failed);
        assert_file(data, size);
    }
}

static void what_is_no_base64(void **state)
{
    static const char *const bad[] = {
        "A", "AB", "ABC", "====", "A===", "QQ==QUJD", "QQ==QQ==", "QU D", "QUJDQ"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (size_t step = 1; step < 5; step++) {
            struct content *c = new_one();

            put_all(c, bad[i], strlen(bad[i]), step, path);
            if (content_is_whole(c))
                fail_msg("'%s' in pieces of %zu", bad[i], step);
            content_drop(c);
        }
    }
}

static void errors_are_told_once(void **state)
{
    static const struct {
        const char *path, *says;
    } cases[] = {
        {"/tmp", "write: path is a directory: /tmp"}, {"/dev/null/x", "mkdir: "}, {"/dev/full", "write: "}};
    static char text[4 * STACYVM_BLOCK];

    (void)state;
    memset(text, 'A', sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct content *c = new_one();

        put_all(c, text, sizeof text, 65536, cases[i].path);
        content_finish(c, cases[i].path, false, 0);
        TURN_UNTIL(tellings == 1);
        assert_true(told_failed);
        assert_memory_equal(told_error.text, cases[i].says, strlen(cases[i].says));
        rig_turns(&rig, 5);
        assert_int_equal(tellings, 1);
    }
}

static unsigned open_files(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Whether a worker has it or not, with a file open or what was kept. */
static void one_that_is_dropped_leaves_nothing_open(void **state)
{
    static char text[6 * STACYVM_BLOCK];
    unsigned before;

    (void)state;
    memset(text, 'A', sizeof text);
    content_drop(new_one());
    fs_workers_mounts(&fs_workers);
    before = open_files();
    for (unsigned i = 0; i < 16; i++) {
        struct content *c = new_one();

        put_all(c, text, i * 24 * KIB % sizeof text, 65536, i % 2 ? path : NULL);
        if (i % 4 > 1)
            usleep(2000);
        content_drop(c);
    }
    TURN_UNTIL(open_files() == before);
    assert_int_equal(tellings, 0);
}

static int setup_path(void **state)
{
    char *end = strstr(path, "/sub");

    *end = 0;
    if (!mkdtemp(path))
        return -1;
    *end = '/';
    return setup(state);
}

static int teardown_path(void **state)
{
    unlink(path);
    *strrchr(path, '/') = 0;
    rmdir(path);
    *strrchr(path, '/') = 0;
    rmdir(path);
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_of_any_size),
        cmocka_unit_test(what_is_no_base64),
        cmocka_unit_test(errors_are_told_once),
        cmocka_unit_test(one_that_is_dropped_leaves_nothing_open),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup_path, teardown_path);
}
