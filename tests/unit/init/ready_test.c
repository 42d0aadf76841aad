/* What the host is told, and when: the host is the other end of a pair of sockets. */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"

static int peer_end = -1; /* the host's */
static int refusal;       /* errno of connect, or 0 */
static unsigned tries;
static uint64_t now_ms;

static int socket_seen(int domain, int type)
{
    int pair[2];

    assert_int_equal(domain, AF_VSOCK);
    tries++;
    errno = refusal;
    if (refusal == EAFNOSUPPORT)
        return -1;
    close(peer_end);
    assert_int_equal(socketpair(AF_UNIX, type, 0, pair), 0);
    peer_end = pair[0];
    return pair[1];
}

static int connect_seen(const struct sockaddr *to)
{
    assert_int_equal(to->sa_family, AF_VSOCK);
    errno = refusal;
    return refusal ? -1 : 0;
}

#define socket(domain, type, protocol) socket_seen(domain, type)
#define connect(fd, address, size)     connect_seen(address)
#define clock_mono_ms()                now_ms

#include "init/ready.c"

#undef socket
#undef connect
#undef clock_mono_ms

static struct loop loop;
static struct boot boot;
static struct ready r;

static int setup(void **state)
{
    (void)state;
    refusal = 0;
    tries = 0;
    now_ms = 1000;
    peer_end = -1;
    boot = (struct boot){.started_ns = 5000999, .phase_count = 2, .problem_count = 1, .problems_lost = 2};
    boot.phases[0] = (struct boot_phase){"mounts", 6000000};
    boot.phases[1] = (struct boot_phase){"listen", 7000000};
    return loop_init(&loop);
}

static int teardown(void **state)
{
    (void)state;
    stop(&r);
    close(peer_end);
    loop_destroy(&loop);
    return 0;
}

static void start(void)
{
    ready_start(&r, &loop, &boot, "1.2.3", 1024);
    strcpy(r.boot_id, "an-id");
    ev_run(loop.ev, EVRUN_NOWAIT);
}

/* What the host can read now. */
static const char *heard(void)
{
    static char text[LINE_MAX_OURS];
    ssize_t n = recv(peer_end, text, sizeof text - 1, MSG_DONTWAIT);

    text[n > 0 ? n : 0] = 0;
    return text;
}

static void the_host_hears_how_the_boot_was(void **state)
{
    (void)state;
    start();
    assert_string_equal(heard(), "{\"event\":\"ready\",\"boot_id\":\"an-id\",\"version\":\"1.2.3\","
                                 "\"started_us\":5000,\"phases\":[{\"name\":\"mounts\",\"end_us\":6000},"
                                 "{\"name\":\"listen\",\"end_us\":7000}],\"problems\":3}\n");
    assert_true(r.told);
    assert_false(ev_is_active(&r.again));
}

static void the_longest_line_fits(void **state)
{
    struct line l;

    (void)state;
    boot.phase_count = BOOT_PHASES_MAX;
    for (unsigned i = 0; i < BOOT_PHASES_MAX; i++)
        boot.phases[i] = (struct boot_phase){"a-name-as-long-as-any", UINT64_MAX};
    r = (struct ready){.boot = &boot, .version = "10.20.30-beta.4", .fd = -1};
    memset(r.boot_id, 'b', sizeof r.boot_id - 1);
    ready_line(&r, &l);
    assert_in_range(l.len, 1000, sizeof l.text);
    assert_int_equal(l.text[l.len - 1], '\n');
    ready_start(&r, &loop, &boot, "", 0);
}

static void a_host_that_closes_is_left_alone(void **state)
{
    (void)state;
    start();
    heard();
    shutdown(peer_end, SHUT_RDWR);
    ev_run(loop.ev, EVRUN_NOWAIT);
    assert_int_equal(r.fd, -1);
    assert_false(ev_is_active(&r.again));
    ready_end(&r, END_REBOOT, "clean", 100);
    assert_int_equal(tries, 1);
}

static void nobody_there_is_tried_for_a_while(void **state)
{
    (void)state;
    refusal = ECONNRESET;
    start();
    assert_true(ev_is_active(&r.again));
    on_again(loop.ev, &r.again, 0);
    assert_int_equal(tries, 2);
    refusal = 0; /* now there is */
    on_again(loop.ev, &r.again, 0);
    ev_run(loop.ev, EVRUN_NOWAIT);
    assert_non_null(strstr(heard(), "\"ready\""));
}

static void then_nobody_tries_any_more(void **state)
{
    (void)state;
    refusal = ECONNRESET;
    start();
    now_ms += READY_MAX_MS;
    on_again(loop.ev, &r.again, 0);
    assert_false(ev_is_active(&r.again));
    ready_end(&r, END_REBOOT, "clean", 100);
}

static void without_vsock_or_port_there_is_nothing_to_do(void **state)
{
    (void)state;
    refusal = EAFNOSUPPORT;
    start();
    assert_false(ev_is_active(&r.again));
    tries = 0;
    ready_start(&r, &loop, &boot, "1.2.3", 0);
    assert_int_equal(tries, 0);
}

static void the_end_is_the_last_word(void **state)
{
    (void)state;
    start();
    heard();
    ready_end(&r, END_HALT, "busy", 10); /* the host does not close: that holds nobody */
    assert_string_equal(
        heard(), "{\"event\":\"shutdown\",\"boot_id\":\"an-id\",\"how\":\"halt\",\"disks\":\"busy\"}\n");
    assert_int_equal(recv(peer_end, &tries, 1, 0), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_host_hears_how_the_boot_was),  T(the_longest_line_fits),
        T(a_host_that_closes_is_left_alone), T(nobody_there_is_tried_for_a_while),
        T(then_nobody_tries_any_more),       T(without_vsock_or_port_there_is_nothing_to_do),
        T(the_end_is_the_last_word),
    };

    return RUN(tests);
}
