/* Where the agent is: every form of a target, and every way in which a dial fails, against real sockets. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base.h"
#include "core/limits.h"
#include "ctl/target.c"

static struct err e;
static char dir[] = "/tmp/guestd-target-XXXXXX";
static char path[64];

/* --- parsing --------------------------------------------------------------------------------- */

static void every_form_is_understood(void **state)
{
    static const struct {
        const char *text, *address;
        bool hybrid;
        uint32_t port;
    } good[] = {
        {"unix:/run/x.sock", "unix:/run/x.sock", false, TARGET_PORT},
        {"tcp:127.0.0.1:80", "tcp:127.0.0.1:80", false, TARGET_PORT},
        {"tcp:[::1]:80", "tcp:[::1]:80", false, TARGET_PORT},
        {"vsock:3", "vsock:3:49983", false, TARGET_PORT},
        {"vsock:3:1024", "vsock:3:1024", false, TARGET_PORT},
        {"hybrid:/tmp/v.sock", "unix:/tmp/v.sock", true, TARGET_PORT},
        {"hybrid:/tmp/v.sock:52", "unix:/tmp/v.sock", true, 52},
        {"hybrid:/tmp/a:b", "unix:/tmp/a:b", true, TARGET_PORT},
        {"hybrid:/tmp/a:", "unix:/tmp/a:", true, TARGET_PORT},
        {"hybrid:/tmp/a:1:2", "unix:/tmp/a:1", true, 2},
        {"hybrid:rel", "unix:rel", true, TARGET_PORT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct target t;
        char text[ADDRESS_TEXT_MAX];

        if (target_parse(&t, good[i].text, &e) < 0)
            fail_msg("%s: %s", good[i].text, e.text);
        address_text(&t.address, text);
        assert_string_equal(text, good[i].address);
        assert_int_equal(t.hybrid, good[i].hybrid);
        assert_int_equal(t.port, good[i].port);
        assert_string_equal(t.text, good[i].text);
    }
}

static void other_words_are_no_targets(void **state)
{
    static const char *const bad[] = {"ftp:x",         "/run/x.sock", "unix:",      "tcp:",
                                      "tcp:1.2.3.4",   "vsock:",      "vsock:x",    "tcp:host.tld:1",
                                      "tcp:1.2.3.4:x", "hybrid:",     "vsock:1:2:3"};
    char longest[200] = "hybrid:";
    struct target t;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (target_parse(&t, bad[i], &e) == 0)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    }
    memset(longest + 7, 'a', 107);
    assert_int_equal(target_parse(&t, longest, &e), 0);
    memset(longest + 7, 'a', 192);
    assert_int_equal(target_parse(&t, longest, &e), -1);
    assert_non_null(strstr(e.text, "107 bytes"));
}

/* A port that does not fit must not become another one. */
static void a_hybrid_port_fits_32_bits(void **state)
{
    struct target t;

    (void)state;
    assert_int_equal(target_parse(&t, "hybrid:/tmp/v.sock:4294967295", &e), 0);
    assert_int_equal(t.port, 4294967295u);
    assert_int_equal(target_parse(&t, "hybrid:/tmp/v.sock:4294967348", &e), -1);
}

static void without_words_the_environment_and_the_default_count(void **state)
{
    struct target t;

    (void)state;
    setenv("GUESTD_HOST", "vsock:9", 1);
    assert_int_equal(target_parse(&t, NULL, &e), 0);
    assert_string_equal(t.text, "vsock:9");
    assert_int_equal(target_parse(&t, "vsock:8", &e), 0);
    assert_string_equal(t.text, "vsock:8");
    setenv("GUESTD_HOST", "", 1);
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    assert_int_equal(target_parse(&t, NULL, &e), 0);
    assert_string_equal(t.text, geteuid() == 0 ? "unix:/run/guestd.sock" : "unix:/run/user/7/guestd.sock");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("GUESTD_HOST");
}

/* --- errors of the kernel -------------------------------------------------------------------- */

static void each_errno_has_its_next_step(void **state)
{
    static const struct {
        const char *target;
        int errnum;
        bool passing;
        enum status status;
        const char *says;
    } cases[] = {
        {"unix:/s", ENOENT, true, STATUS_UNAVAILABLE,
         "unix:/s: no such socket; is the agent running, and is the path right?"},
        {"hybrid:/s", ENOENT, true, STATUS_UNAVAILABLE,
         "hybrid:/s: no such socket; is the VM running, and is the path right?"},
        {"unix:/s", EACCES, false, STATUS_PERMISSION_DENIED,
         "unix:/s: permission denied; the socket belongs to another user (try sudo)"},
        {"unix:/s", EPERM, false, STATUS_PERMISSION_DENIED,
         "unix:/s: permission denied; the socket belongs to another user (try sudo)"},
        {"unix:/s", ECONNREFUSED, true, STATUS_UNAVAILABLE,
         "unix:/s: refused; the agent that made this socket is gone"},
        {"hybrid:/s", ECONNREFUSED, true, STATUS_UNAVAILABLE,
         "hybrid:/s: refused; the VM that made this socket is gone"},
        {"tcp:127.0.0.1:1", ECONNREFUSED, true, STATUS_UNAVAILABLE,
         "tcp:127.0.0.1:1: refused; nothing listens there (try --wait 10s)"},
        {"vsock:3", ECONNRESET, true, STATUS_UNAVAILABLE,
         "vsock:3: reset; nothing listens there, or the guest still boots (try --wait 10s)"},
        {"vsock:3", ETIMEDOUT, true, STATUS_UNAVAILABLE,
         "vsock:3: no answer (connection timed out); is the guest running, and is its address right?"},
        {"tcp:10.0.0.1:1", EHOSTUNREACH, true, STATUS_UNAVAILABLE,
         "tcp:10.0.0.1:1: no answer (no route to host); is the guest running, and is its address right?"},
        {"vsock:3", ENODEV, false, STATUS_UNAVAILABLE,
         "vsock:3: this host has no way there (no such device); is vhost_vsock loaded?"},
        {"unix:/s", EMFILE, false, STATUS_UNAVAILABLE, "unix:/s: too many open files"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct target t;
        bool passing = !cases[i].passing;

        assert_int_equal(target_parse(&t, cases[i].target, &e), 0);
        assert_int_equal(failed(&t, cases[i].errnum, &passing, &e), -1);
        assert_int_equal(e.status, cases[i].status);
        assert_string_equal(e.text, cases[i].says);
        assert_int_equal(passing, cases[i].passing);
    }
}

/* --- dialling -------------------------------------------------------------------------------- */

static int setup(void **state)
{
    (void)state;
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/s", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static int listen_there(int backlog)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(a.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static struct target target_of(const char *kind)
{
    static char text[80];
    struct target t = {.wait_ms = 0};

    snprintf(text, sizeof text, "%s:%s", kind, path);
    assert_int_equal(target_parse(&t, text, &e), 0);
    return t;
}

/* What a VMM says and does with the first connection. */
struct vmm {
    int listener;
    const char *answer; /* NULL: closes at once, without reading */
    char line[64];      /* what it was asked */
    pthread_t thread;
};

static void *vmm_run(void *arg)
{
    struct vmm *v = arg;
    int fd = accept(v->listener, NULL, NULL);

    if (v->answer) {
        ssize_t n = recv(fd, v->line, sizeof v->line - 1, 0);

        v->line[n > 0 ? n : 0] = 0;
        (void)!send(fd, v->answer, strlen(v->answer), MSG_NOSIGNAL);
    }
    close(fd);
    return NULL;
}

/* Dials hybrid while the VMM answers so. */
static int dial_vmm(struct vmm *v, const char *answer)
{
    struct target t = target_of("hybrid");
    int fd;

    *v = (struct vmm){.listener = listen_there(1), .answer = answer};
    assert_int_equal(pthread_create(&v->thread, NULL, vmm_run, v), 0);
    fd = target_dial(&t, &e);
    pthread_join(v->thread, NULL);
    close(v->listener);
    unlink(path);
    return fd;
}

static void a_socket_that_is_there_is_connected(void **state)
{
    struct target t = target_of("unix");
    int l = listen_there(1), fd = target_dial(&t, &e);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    close(l);
}

static void no_socket_and_a_dead_one_are_told_apart(void **state)
{
    struct target t = target_of("unix");
    char want[200];

    (void)state;
    assert_int_equal(target_dial(&t, &e), -1);
    snprintf(want, sizeof want, "%s: no such socket; is the agent running, and is the path right?", t.text);
    assert_string_equal(e.text, want);
    close(listen_there(1));
    assert_int_equal(target_dial(&t, &e), -1);
    snprintf(want, sizeof want, "%s: refused; the agent that made this socket is gone", t.text);
    assert_string_equal(e.text, want);
}

static void the_vmm_is_asked_for_the_port_in_one_line(void **state)
{
    struct vmm v;
    int fd = dial_vmm(&v, "OK 1073741824\nHTTP");
    char rest[8] = "";

    (void)state;
    assert_true(fd >= 0);
    assert_string_equal(v.line, "CONNECT 49983\n");
    fcntl(fd, F_SETFL, 0);
    assert_int_equal(recv(fd, rest, sizeof rest - 1, 0), 4); /* what follows the line is the agent's */
    assert_string_equal(rest, "HTTP");
    close(fd);
}

static void a_vmm_that_closes_means_that_nothing_listens(void **state)
{
    struct vmm v;

    (void)state;
    assert_int_equal(dial_vmm(&v, ""), -1);
    assert_non_null(strstr(e.text,
                           ": closed without OK; nothing listens on port 49983 in the guest, or it still "
                           "boots (try --wait 10s)"));
    assert_int_equal(dial_vmm(&v, NULL), -1);
    assert_int_equal(e.status, STATUS_UNAVAILABLE);
}

static void another_kind_of_socket_is_no_vmm(void **state)
{
    static const char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n", "OK\n", "ok 1\n", "\n"};
    struct vmm v;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        assert_int_equal(dial_vmm(&v, answers[i]), -1);
        assert_non_null(strstr(e.text, ": not a VMM's vsock socket (it did not answer OK)"));
    }
}

/* A line without an end is read no further than a line can be. */
static void an_endless_line_is_no_vmm(void **state)
{
    static char endless[300];
    struct vmm v;

    (void)state;
    memset(endless, 'x', sizeof endless - 1);
    assert_int_equal(dial_vmm(&v, endless), -1);
    assert_non_null(strstr(e.text, "not a VMM's vsock socket"));
}

static void a_vmm_that_says_nothing_is_given_up(void **state)
{
    struct target t = target_of("hybrid");
    struct target_dialing d;
    int l = listen_there(1);

    (void)state;
    target_begin(&d, &t);
    while (d.state != TARGET_ASKED)
        assert_int_equal(target_go_on(&d, &e), 0);
    assert_int_equal(target_go_on(&d, &e), 0);
    assert_in_range(d.wake_ms, clock_mono_ms() + 1, clock_mono_ms() + DIAL_MS);
    d.give_up_ms = clock_mono_ms();
    assert_int_equal(target_go_on(&d, &e), -1);
    assert_non_null(strstr(e.text, "the VMM did not answer within 5 s"));
    assert_int_equal(d.fd, -1);
    close(l);
}

/* Nothing waits but the caller: it may do other things meanwhile. */
static void a_dial_goes_on_by_steps(void **state)
{
    struct target t = target_of("unix");
    struct target_dialing d;
    int l;

    (void)state;
    t.wait_ms = 60000;
    target_begin(&d, &t);
    assert_int_equal(target_go_on(&d, &e), 0); /* no socket yet */
    assert_int_equal(d.fd, -1);
    assert_in_range(d.wake_ms, clock_mono_ms() + 1, clock_mono_ms() + AGAIN_MS);
    l = listen_there(1);
    assert_int_equal(target_go_on(&d, &e), 0); /* not yet time to look again */
    d.wake_ms = 0;
    assert_int_equal(target_go_on(&d, &e), 1);
    close(d.fd);
    close(l);
}

/* --- --wait ---------------------------------------------------------------------------------- */

static void *listen_later(void *arg)
{
    usleep(120000);
    *(int *)arg = listen_there(1);
    return NULL;
}

static void what_may_come_is_waited_for(void **state)
{
    struct target t = target_of("unix");
    pthread_t thread;
    int l = -1, fd;

    (void)state;
    t.wait_ms = 10000;
    assert_int_equal(pthread_create(&thread, NULL, listen_later, &l), 0);
    fd = target_dial(&t, &e);
    pthread_join(thread, NULL);
    assert_true(fd >= 0);
    close(fd);
    close(l);
}

static void waiting_has_its_end(void **state)
{
    struct target t = target_of("unix");
    uint64_t start = clock_mono_ms();

    (void)state;
    t.wait_ms = 120;
    assert_int_equal(target_dial(&t, &e), -1);
    assert_true(clock_mono_ms() - start >= 120);
    assert_non_null(strstr(e.text, "no such socket"));
}

/* The queue of a unix socket is full: EAGAIN is no failure yet. */
static void *accept_later(void *arg)
{
    usleep(120000);
    close(accept(*(int *)arg, NULL, NULL));
    close(accept(*(int *)arg, NULL, NULL));
    return NULL;
}

static void a_full_queue_is_waited_for(void **state)
{
    struct target t = target_of("unix");
    int l = listen_there(0), first = target_dial(&t, &e), second;
    pthread_t thread;

    (void)state;
    assert_true(first >= 0);
    assert_int_equal(pthread_create(&thread, NULL, accept_later, &l), 0);
    second = target_dial(&t, &e);
    assert_true(second >= 0);
    pthread_join(thread, NULL);
    close(first);
    close(second);
    close(l);
}

static void no_permission_is_told_and_not_waited_for(void **state)
{
    struct target t = target_of("unix");
    int l = listen_there(1);
    uint64_t start = clock_mono_ms();

    (void)state;
    if (geteuid() != 0)
        return; /* it takes another user, and only root can become one */
    chmod(path, 0600);
    chmod(dir, 0755);
    t.wait_ms = 60000;
    assert_int_equal(seteuid(65534), 0);
    assert_int_equal(target_dial(&t, &e), -1);
    assert_int_equal(seteuid(0), 0);
    assert_true(clock_mono_ms() - start < 30000);
    assert_int_equal(e.status, STATUS_PERMISSION_DENIED);
    close(l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_form_is_understood),
        T(other_words_are_no_targets),
        T(a_hybrid_port_fits_32_bits),
        T(without_words_the_environment_and_the_default_count),
        T(each_errno_has_its_next_step),
        T(a_socket_that_is_there_is_connected),
        T(no_socket_and_a_dead_one_are_told_apart),
        T(the_vmm_is_asked_for_the_port_in_one_line),
        T(a_vmm_that_closes_means_that_nothing_listens),
        T(another_kind_of_socket_is_no_vmm),
        T(an_endless_line_is_no_vmm),
        T(a_vmm_that_says_nothing_is_given_up),
        T(a_dial_goes_on_by_steps),
        T(what_may_come_is_waited_for),
        T(waiting_has_its_end),
        T(a_full_queue_is_waited_for),
        T(no_permission_is_told_and_not_waited_for),
    };

    return RUN(tests);
}
