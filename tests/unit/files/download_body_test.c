/* The body of a download over a connection: how it is read, what becomes of it when the file or the client changes. */
#include "files/download_body.c"

#include "files/download_rest.h"

#include "download_rig.h"

static int setup(void **state)
{
    (void)state;
    setup_files(download_rest_register);
    return 0;
}

static void check_bytes(const char *bytes, size_t n, size_t from)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != pattern(from + i))
            fail_msg("byte %zu is another", i);
}

/* Sizes around what is answered whole, a segment, a frame and a block. */
static void every_byte_of_every_size(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   DOWNLOAD_WHOLE - 1,
                                   DOWNLOAD_WHOLE,
                                   DOWNLOAD_WHOLE + 1,
                                   FRAME_MAX,
                                   FRAME_MAX + 1,
                                   DOWNLOAD_BLOCK,
                                   DOWNLOAD_BLOCK + 1,
                                   1234567,
                                   DOWNLOAD_PIPE,
                                   DOWNLOAD_PIPE + 1,
                                   DOWNLOAD_PIPE + DOWNLOAD_BLOCK + 1,
                                   3 * DOWNLOAD_PIPE - 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        int file = make_file("f", sizes[i]), fd = get("GET", "f", "");

        receive(fd, SIZE_MAX);
        assert_memory_equal(got, "HTTP/1.1 200", 12);
        assert_int_equal(body_len(), sizes[i]);
        check_bytes(body(), sizes[i], 0);
        close(fd);
        close(file);
    }
    assert_int_equal(r.pool.in_use, 0);
}

/* What workers were asked for is done, and the loop knows. */
static void let_workers_end(void)
{
    for (int i = 0; i < 20; i++, usleep(200))
        rig_turns(&r, 2);
}

static int open_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* The same of a file system that cannot say what it has in memory: all by workers. */
static void read_by_workers(void **state)
{
    struct fs_reader reader = {.kind = FS_READER_SIZED, .size = 1000000};
    struct http_exchange x = {.http = &r.http};
    struct download_plan plan = {.size = 1000000};
    struct chain out = {0}, piece = {0}, none = {0};
    struct download_body b;
    enum http_produced what = HTTP_MORE;

    (void)state;
    reader.fd = make_file("f", 1000000);
    assert_int_equal(download_body_init(&b, &files, &x), 0);
    download_body_begin(&b, &reader, &plan, NULL, &none);
    assert_int_equal(reader.fd, -1);
    b.never = true;
    for (int i = 0; i < 100 && what != HTTP_END; i++) {
        what = download_body_produce(&b, &piece, FRAME_MAX);
        assert_true(piece.bytes <= FRAME_MAX);
        assert_int_equal(chain_move(&out, &piece, piece.bytes), 0);
        let_workers_end();
        assert_true(b.ready.bytes <= FRAME_MAX + DOWNLOAD_BLOCK);
    }
    assert_int_equal(what, HTTP_END);
    assert_int_equal(out.bytes, 1000000);
    chain_peek(&out, got, out.bytes);
    check_bytes(got, out.bytes, 0);
    chain_clear(&out);
    chain_clear(&piece);
    download_body_destroy(&b);
}

/* All that is wanted of the file f, of which the client has taken nothing yet. */
static void take_the_rest(int fd, size_t size, size_t from)
{
    receive(fd, SIZE_MAX);
    assert_memory_equal(got, "HTTP/1.1 20", 11);
    assert_int_equal(body_len(), size);
    check_bytes(body(), size, from);
}

static void wait_a_while(void)
{
    for (int i = 0; i < 50; i++, usleep(1000))
        rig_turns(&r, 5);
}

/* The bytes of a large file are the kernel's all the way: nothing of the pool is taken for them, and of descriptors so many. */
static void large_files_go_through_pipes(void **state)
{
    int file = make_file("f", 3000000), before = open_fds(), fd = get("GET", "f", "");

    (void)state;
    wait_a_while();
    assert_int_equal(files.pipes, 1);
    assert_int_equal(r.pool.in_use, 0);
    assert_int_equal(open_fds() - before, 2 /* the connection */ + 1 /* the file */ + 4);
    take_the_rest(fd, 3000000, 0);
    assert_int_equal(files.pipes, 0);
    let_workers_end();
    assert_int_equal(open_fds() - before, 2);
    close(fd);
    fd = get("GET", "f", "Range: bytes=777-2500000\r\n");
    wait_a_while();
    assert_int_equal(files.pipes, 1);
    take_the_rest(fd, 2500000 - 776, 777);
    close(fd);
    close(file);
}

/* Where bytes have to be changed on their way, or are not one range, they pass through our memory. */
static void what_goes_through_no_pipe(void **state)
{
    static const char *const fields[] = {"Accept-Encoding: gzip, *;q=0\r\n",
                                         "Range: bytes=0-1400000,1500000-\r\n"};
    int file = make_file("f", 3000000);

    (void)state;
    /* What does not compress is not with the client all at once. */
    for (size_t i = 0; i < 3000000; i++)
        got[i] = (char)random();
    assert_int_equal(pwrite(file, got, 3000000, 0), 3000000);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        int fd = get("GET", "f", fields[i]);

        wait_a_while();
        assert_int_equal(files.pipes, 0);
        receive(fd, 2800000); /* there was more to come */
        assert_int_equal(got_len, 2800000);
        close(fd);
    }
    close(file);
}

/* /proc/self/mem can be read, but not spliced. */
static void a_file_system_without_splice(void **state)
{
    enum { SIZE = 2 * DOWNLOAD_PIPE };
    struct fs_reader reader = {.kind = FS_READER_SIZED, .size = SIZE};
    struct http_exchange x = {.http = &r.http, .takes_pipe = true};
    struct download_plan plan = {.size = SIZE};
    struct chain out = {0}, none = {0};
    char *bytes = malloc(SIZE);
    struct download_body b;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = pattern(i);
    reader.fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_int_equal(download_body_init(&b, &files, &x), 0);
    download_body_begin(&b, &reader, &plan, NULL, &none);
    b.offset = (uintptr_t)bytes;
    assert_int_equal(download_body_produce(&b, &out, FRAME_MAX), HTTP_WAIT);
    assert_int_equal(files.pipes, 1);
    for (int i = 0; i < 100 && download_body_produce(&b, &out, FRAME_MAX) != HTTP_END; i++) {
        assert_int_equal(x.pipe.bytes, 0);
        chain_peek(&out, got + plan.size - SIZE, out.bytes);
        plan.size += out.bytes;
        chain_drop(&out, out.bytes);
        let_workers_end();
    }
    assert_int_equal(files.pipes, 0);
    assert_int_equal(plan.size, 2 * SIZE);
    check_bytes(got, SIZE, 0);
    chain_clear(&out);
    download_body_destroy(&b);
    let_workers_end();
    free(bytes);
}

/* So many have pipes; for the others, who do not read either, a frame is held. */
static void who_does_not_read_costs_a_frame(void **state)
{
    int file = make_file("f", 3000000), fd;

    (void)state;
    files.pipes = DOWNLOAD_PIPES_MAX;
    fd = get("GET", "f", "");
    wait_a_while();
    assert_int_equal(files.pipes, DOWNLOAD_PIPES_MAX);
    assert_true(r.pool.in_use > 0 && r.pool.in_use * SEG_SIZE <= FRAME_MAX);
    take_the_rest(fd, 3000000, 0);
    close(fd);
    close(file);
}

/* A shorter file than was announced must not look whole; of a longer one comes what was. */
static void changed_meanwhile(unsigned pipes, size_t size, size_t shorter)
{
    int file = make_file("f", size), fd;

    files.pipes = pipes;
    fd = get("GET", "f", "");
    wait_a_while();
    assert_int_equal(ftruncate(file, (off_t)shorter), 0);
    receive(fd, SIZE_MAX);
    assert_true(ended);
    assert_true(body_len() < size);
    close(fd);
    close(file);

    file = make_file("g", 3000000);
    fd = get("GET", "g", "");
    wait_a_while();
    assert_int_equal(ftruncate(file, 4000000), 0);
    take_the_rest(fd, 3000000, 0);
    assert_false(ended);
    close(fd);
    close(file);
    let_workers_end();
    assert_int_equal(files.pipes, pipes);
}

static void files_that_change(void **state)
{
    (void)state;
    changed_meanwhile(DOWNLOAD_PIPES_MAX, 3000000, 1000000);
    changed_meanwhile(0, 3000000, 1000000);
    changed_meanwhile(0, 3000000, 0);
    changed_meanwhile(0, 2 * DOWNLOAD_PIPE, 2 * DOWNLOAD_PIPE - 1); /* with all else in pipes */
}

/* The client goes at any time: nothing of it stays. */
static void a_client_goes(void **state)
{
    int file = make_file("f", 3000000), before = open_fds();

    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        int fd = get("GET", "f", "");

        rig_turns(&r, turns);
        close(fd);
    }
    let_workers_end();
    assert_int_equal(files.waiting.count, 0);
    assert_int_equal(files.pipes, 0);
    assert_int_equal(r.pool.in_use, 0);
    assert_int_equal(open_fds(), before);
    close(file);
}

/* A worker has the descriptor and the memory while it reads: they come back although nobody wants the bytes. */
static void nobody_waits_for_the_worker(void **state)
{
    struct fs_reader reader = {.kind = FS_READER_SIZED, .size = 1000000};
    struct http_exchange x = {.http = &r.http};
    struct download_plan plan = {.size = 1000000};
    struct chain out = {0}, none = {0};
    struct download_body b;
    int before = open_fds();

    (void)state;
    reader.fd = make_file("f", 1000000);
    assert_int_equal(download_body_init(&b, &files, &x), 0);
    download_body_begin(&b, &reader, &plan, NULL, &none);
    b.never = true;
    assert_int_equal(download_body_produce(&b, &out, FRAME_MAX), HTTP_WAIT);
    assert_true(b.reading);
    assert_true(r.pool.in_use > 0);
    download_body_destroy(&b);
    let_workers_end();
    assert_int_equal(r.pool.in_use, 0);
    assert_int_equal(open_fds(), before);
}

/* With the pool used up by others it waits; when they give something back it goes on. */
static void a_full_pool(void **state)
{
    int file = make_file("f", 500000), fd;
    struct chain hog = {0};
    struct seg *s;

    (void)state;
    while ((s = seg_get(&r.pool)))
        assert_int_equal(chain_give(&hog, s, s->data, 1), 0);
    fd = get("GET", "f", "");
    receive(fd, SIZE_MAX);
    assert_int_equal(body_len(), 0);
    assert_true(r.pool.wanted);
    chain_drop(&hog, 20);
    http_memory_free(&r.http);
    receive(fd, SIZE_MAX);
    assert_int_equal(got_len, 500000);
    check_bytes(got, 500000, 0);
    close(fd);
    while ((s = seg_get(&r.pool)))
        assert_int_equal(chain_give(&hog, s, s->data, 1), 0);
    fd = get("GET", "f", "");
    receive(fd, SIZE_MAX);
    assert_false(TAILQ_EMPTY(&r.http.starved));
    close(fd); /* who goes hungry is forgotten */
    for (int i = 0; i < 50; i++, usleep(1000))
        rig_turns(&r, 5);
    assert_true(TAILQ_EMPTY(&r.http.starved));
    close(file);
    chain_clear(&hog);
}

static void a_fifo_is_waited_for(void **state)
{
    int fd = rig_connect(&r), w;
    char text[200];

    (void)state;
    assert_int_equal(mkfifo(below("p"), 0600), 0);
    snprintf(text, sizeof text, "GET /files?special=1&path=%s HTTP/1.1\r\nHost: a\r\n\r\n", below("p"));
    rig_send(&r, fd, text, strlen(text));
    receive(fd, SIZE_MAX);
    assert_non_null(strstr(got, "chunked"));
    assert_int_equal(body_len(), 0);
    w = open(below("p"), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    assert_int_equal(write(w, "one", 3), 3);
    receive(fd, SIZE_MAX);
    assert_string_equal(got, "3\r\none\r\n");
    receive(fd, SIZE_MAX);
    assert_string_equal(got, "");
    assert_int_equal(write(w, "two", 3), 3);
    close(w);
    receive(fd, SIZE_MAX);
    assert_string_equal(got, "3\r\ntwo\r\n0\r\n\r\n");
    close(fd);
}

static void parts_of_what_is_here(void **state)
{
    struct range list[] = {{1, 2}, {5, 1}};
    struct download_plan plan = {.type = "t", .size = 6, .boundary = "B"};
    struct chain out = {0};

    (void)state;
    assert_int_equal(download_body_whole(&plan, "abcdef", &out), 0);
    assert_int_equal(out.bytes, 6);
    chain_clear(&out);
    plan.parts = list;
    plan.count = 1;
    assert_int_equal(download_body_whole(&plan, "abcdef", &out), 0);
    assert_int_equal(out.bytes, 2);
    chain_clear(&out);
    plan.count = 2;
    assert_int_equal(download_body_whole(&plan, "abcdef", &out), 0);
    chain_peek(&out, got, out.bytes);
    got[out.bytes] = 0;
    assert_string_equal(got,
                        "--B\r\nContent-Range: bytes 1-2/6\r\nContent-Type: t\r\n\r\nbc"
                        "\r\n--B\r\nContent-Range: bytes 5-5/6\r\nContent-Type: t\r\n\r\nf\r\n--B--\r\n");
    assert_int_equal(out.bytes, range_multipart_size("B", "t", list, 2, 6));
    chain_clear(&out);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_byte_of_every_size),
        T(read_by_workers),
        T(large_files_go_through_pipes),
        T(what_goes_through_no_pipe),
        T(a_file_system_without_splice),
        T(who_does_not_read_costs_a_frame),
        T(files_that_change),
        T(a_client_goes),
        T(nobody_waits_for_the_worker),
        T(a_full_pool),
        T(a_fifo_is_waited_for),
        T(parts_of_what_is_here),
    };

    return RUN(tests);
}
