/* GET /files with its workers on the rig, for who tests downloads. */
#ifndef TESTS_UNIT_FILES_DOWNLOAD_RIG_H
#define TESTS_UNIT_FILES_DOWNLOAD_RIG_H

#include <sys/stat.h>

#include "core/log.h"
#include "rig.h"
#include "test.h"

static struct rig r;
static struct files files;
static struct settings settings;
static char dir[32];
static char got[4 << 20];
static size_t got_len;
static bool ended;

/* The path of a file below the test's directory; good until the next call. */
static const char *below(const char *name)
{
    static char path[64];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* A file of `size` bytes whose every byte depends on its offset. */
static UNUSED char pattern(size_t i)
{
    return (char)(i * 31 + i / 251);
}

static UNUSED int make_file(const char *name, size_t size)
{
    int fd = open(below(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    char *bytes = malloc(size + 1);

    assert_true(fd >= 0 && bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern(i);
    assert_int_equal(write(fd, bytes, size), size);
    free(bytes);
    return fd;
}

/* As the doors do: whoever comes may, while there is no token. */
static enum http_verdict authorize(struct http_exchange *x)
{
    x->allowed = !settings.token;
    return HTTP_ALLOW;
}

static void setup_files(int (*register_route)(struct files *f))
{
    struct err e;

    log_init(LOG_OFF, LOG_TEXT, false);
    rig_start(&r);
    strcpy(dir, "/tmp/guestd-unit-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(settings_init(&settings, NULL, &e), 0);
    r.http.authorize = authorize;
    files = (struct files){.settings = &settings, .http = &r.http};
    fs_workers_init(&files.workers, &r.loop, jobs_new(&r.loop, &(struct jobs_config){"worker", 2, 0, 10}));
    mounts_init(&files.workers.mounts, &r.loop); /* so that descriptors can be counted */
    assert_int_equal(register_route(&files), 0);
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    fs_workers_destroy(&files.workers);
    jobs_destroy(files.workers.jobs);
    rig_stop(&r);
    tickets_clear(&files.waiting);
    settings_destroy(&settings);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

/* Turns until nothing comes for 100 ms, or there are `want` bytes. */
static UNUSED size_t receive(int fd, size_t want)
{
    got_len = 0;
    ended = false;
    for (int idle = 0; idle < 100 && got_len < want && !ended; idle++) {
        ssize_t n = recv(fd, got + got_len, MIN(sizeof got - 1, want) - got_len, 0);

        if (n > 0) {
            got_len += (size_t)n;
            idle = 0;
        }
        ended = n == 0 || (n < 0 && errno != EAGAIN);
        rig_turns(&r, 2);
        if (n < 0)
            usleep(1000);
    }
    got[got_len] = 0;
    return got_len;
}

/* A connection that has asked for the file, with further fields ("Name: value\r\n"). */
static UNUSED int get(const char *method, const char *name, const char *fields)
{
    int fd = rig_connect(&r);
    char text[1024];

    snprintf(text, sizeof text, "%s /files?path=%s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, below(name),
             fields);
    assert_int_equal(rig_send(&r, fd, text, strlen(text)), strlen(text));
    return fd;
}

/* What came behind the head. */
static UNUSED const char *body(void)
{
    const char *end = strstr(got, "\r\n\r\n");

    assert_non_null(end);
    return end + 4;
}

static UNUSED size_t body_len(void)
{
    return got_len - (size_t)(body() - got);
}

#endif
