/* Listening and accepting: stale sockets, the gatekeeper, the limits, running out of descriptors. */
#include "rig.h"
#include "test.h"

#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "net/net.c"

static struct loop loop;
static struct seg_pool pool, in_pool;
static struct net net;
static struct listener listener;
static bool admitted;
static struct conn *last; /* accepted last */
static int closed;
static enum close_reason closed_why;
static char dir[] = "/tmp/guestd-net-XXXXXX";
static char path[64];

static int on_accept(struct conn *c)
{
    last = c;
    return 0;
}

static void on_nothing(struct conn *c)
{
    (void)c;
}

static void on_closed(struct conn *c, enum close_reason why)
{
    (void)c;
    closed++;
    closed_why = why;
}

static const struct net_protocol protocol = {
    .name = "test",
    .accept = on_accept,
    .readable = on_nothing,
    .writable = on_nothing,
    .closed = on_closed,
    .drain = conn_finish,
    .shutdown = conn_finish,
    .busy = {"BUSY", 4},
};

static bool on_admit(const struct listener *l, const struct peer *peer)
{
    (void)l;
    (void)peer;
    return admitted;
}

static void turns(int n)
{
    while (n-- > 0)
        ev_run(loop.ev, EVRUN_NOWAIT);
}

static int setup(void **state)
{
    (void)state;
    log_init(LOG_OFF, LOG_TEXT, false);
    memset(&listener, 0, sizeof listener);
    admitted = true;
    closed = 0;
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    if (loop_init(&loop) < 0 || seg_pool_init(&pool, MIB) < 0 || seg_pool_init(&in_pool, 2 * SEG_SIZE) < 0 ||
        !mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/s", dir);
    net_init(&net, &loop, &pool, &in_pool, 4);
    return 0;
}

static int teardown(void **state)
{
    struct conn *c;
    int left;

    (void)state;
    net_unlisten(&net);
    TAILQ_FOREACH (c, &net.conns, link)
        conn_abort(c, CLOSE_SHUTDOWN);
    turns(3);
    left = (int)net.count;
    close(net.spare_fd);
    unlink(path);
    rmdir(dir);
    seg_pool_destroy(&pool);
    seg_pool_destroy(&in_pool);
    loop_destroy(&loop);
    return left;
}

/* Listens at the address; `l` is the caller's. */
static int listen_at(struct listener *l, const char *text, struct err *e)
{
    *l = (struct listener){.protocol = &protocol, .admit = on_admit};
    assert_int_equal(address_parse(text, &l->address, e), 0);
    return net_listen(&net, l, e);
}

static int listen_unix(struct err *e)
{
    char text[80];

    snprintf(text, sizeof text, "unix:%s", path);
    return listen_at(&listener, text, e);
}

static int dial(const struct listener *l)
{
    int fd = socket(l->address.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, &l->address.sa.any, l->address.len), 0);
    turns(2);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* What a recv on the socket says now: > 0 bytes, 0 the end, -1 nothing. */
static ssize_t hear(int fd, char *buf, size_t size)
{
    return recv(fd, buf, size, 0);
}

/* --- listening ------------------------------------------------------------------------------- */

static void a_socket_file_is_for_its_owner_only_and_goes_at_the_end(void **state)
{
    struct stat st;
    struct err e;
    mode_t before = umask(0);

    (void)state;
    assert_int_equal(listen_unix(&e), 0);
    assert_int_equal(umask(before), 0); /* ours is as it was */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    net_unlisten(&net);
    assert_int_equal(stat(path, &st), -1);
}

/* What a killed agent leaves behind. */
static void a_stale_socket_is_replaced(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int dead = socket(AF_UNIX, SOCK_STREAM, 0), fd;
    struct err e;

    (void)state;
    strcpy(a.sun_path, path);
    assert_int_equal(bind(dead, (struct sockaddr *)&a, sizeof a), 0);
    listen(dead, 1);
    close(dead);
    assert_int_equal(listen_unix(&e), 0);
    fd = dial(&listener);
    assert_int_equal(net.count, 1);
    close(fd);
}

static void a_live_socket_is_left_alone(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int live = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    char want[128];
    struct err e;

    (void)state;
    strcpy(a.sun_path, path);
    assert_int_equal(bind(live, (struct sockaddr *)&a, sizeof a), 0);
    listen(live, 2);
    assert_int_equal(listen_unix(&e), -1);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    snprintf(want, sizeof want, "listen on unix:%s: address already in use", path);
    assert_string_equal(e.text, want);
    assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof a), 0); /* and still answers */
    close(client);
    close(live);
}

/* connect(2) says ECONNREFUSED of any file that is no socket too. */
static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    struct stat st;
    struct err e;

    (void)state;
    assert_int_equal(write(fd, "mine", 4), 4);
    close(fd);
    assert_int_equal(listen_unix(&e), -1);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4);
}

static void the_folder_must_be_there(void **state)
{
    struct listener l;
    struct err e;

    (void)state;
    assert_int_equal(listen_at(&l, "unix:/no/such/folder/s", &e), -1);
    assert_int_equal(e.status, STATUS_UNAVAILABLE);
    assert_string_equal(e.text, "listen on unix:/no/such/folder/s: no such file or directory");
}

static void errors_of_the_kernel_have_their_status(void **state)
{
    static const struct {
        const char *address;
        int errnum;
        enum status status;
    } cases[] = {
        {"tcp:127.0.0.1:1", EADDRINUSE, STATUS_FAILED_PRECONDITION},
        {"tcp:127.0.0.1:1", EACCES, STATUS_PERMISSION_DENIED},
        {"tcp:127.0.0.1:1", EPERM, STATUS_PERMISSION_DENIED},
        {"vsock:1", EAFNOSUPPORT, STATUS_UNAVAILABLE},
        {"vsock:1", ENODEV, STATUS_UNAVAILABLE},
        {"vsock:1", EADDRNOTAVAIL, STATUS_UNAVAILABLE},
        {"tcp:[::1]:1", ENOMEM, STATUS_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct listener l = {.fd = -1};
        struct err e;
        char want[64];

        assert_int_equal(address_parse(cases[i].address, &l.address, &e), 0);
        assert_int_equal(listen_error(&e, &l, cases[i].errnum), -1);
        assert_int_equal(e.status, cases[i].status);
        snprintf(want, sizeof want, "listen on %s: ", cases[i].address);
        assert_memory_equal(e.text, want, strlen(want));
    }
}

static void port_0_becomes_a_port_and_is_taken_then(void **state)
{
    struct listener second;
    char text[ADDRESS_TEXT_MAX];
    struct err e;
    int fd, on = 0;
    socklen_t len = sizeof on;

    (void)state;
    assert_int_equal(listen_at(&listener, "tcp:127.0.0.1:0", &e), 0);
    assert_int_not_equal(listener.address.sa.in.sin_port, 0);
    address_text(&listener.address, text);
    assert_int_equal(listen_at(&second, text, &e), -1);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    assert_non_null(strstr(e.text, text));
    fd = dial(&listener);
    assert_int_equal(getsockopt(last->fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_int_equal(on, 1);
    assert_int_equal(getsockopt(last->fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
    assert_int_equal(on, 1);
    assert_int_equal(getsockopt(last->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &on, &len), 0);
    assert_int_equal(on, 0); /* it would kill a live peer that does not read */
    close(fd);
}

/* --- accepting ------------------------------------------------------------------------------- */

static void the_peer_is_known_by_its_uid(void **state)
{
    struct err e;
    int fd;

    (void)state;
    assert_int_equal(listen_unix(&e), 0);
    fd = dial(&listener);
    assert_true(last->peer.known);
    assert_int_equal(last->peer.uid, getuid());
    assert_int_equal(last->peer.transport, TRANSPORT_UNIX);
    assert_int_equal(fcntl(last->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(last->fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    close(fd);
}

static void the_gatekeeper_refuses(void **state)
{
    struct err e;
    char c;
    int fd;

    (void)state;
    admitted = false;
    assert_int_equal(listen_unix(&e), 0);
    fd = dial(&listener);
    assert_int_equal(hear(fd, &c, 1), 0);
    assert_int_equal(net.stats.refused, 1);
    assert_int_equal(net.stats.accepted, 0);
    assert_int_equal(net.count, 0);
    assert_int_equal(closed, 0);
    close(fd);
}

static void busy_connections_leave_no_room(void **state)
{
    struct err e;
    char buf[8];
    int fd[5];

    (void)state;
    assert_int_equal(listen_unix(&e), 0);
    for (int i = 0; i < 4; i++) {
        fd[i] = dial(&listener);
        conn_active(last);
        assert_int_equal(last->control_only, i >= 2); /* the smaller of the reserve and half */
    }
    fd[4] = dial(&listener);
    assert_int_equal(hear(fd[4], buf, sizeof buf), 4);
    assert_memory_equal(buf, "BUSY", 4);
    assert_int_equal(hear(fd[4], buf, sizeof buf), 0);
    assert_int_equal(net.count, 4);
    assert_int_equal(net.stats.overflowed, 1);
    for (int i = 0; i < 5; i++)
        close(fd[i]);
}

static void the_longest_idle_connection_makes_room(void **state)
{
    struct err e;
    int fd[5];
    char c;

    (void)state;
    assert_int_equal(listen_unix(&e), 0);
    for (int i = 0; i < 4; i++) {
        fd[i] = dial(&listener);
        if (i == 0)
            conn_active(last);
    }
    fd[4] = dial(&listener);
    assert_int_equal(net.stats.evicted, 1);
    assert_int_equal(closed_why, CLOSE_TIMEOUT);
    assert_int_equal(hear(fd[1], &c, 1), 0);
    assert_int_equal(hear(fd[0], &c, 1), -1); /* busy, though older */
    assert_int_equal(hear(fd[2], &c, 1), -1);
    for (int i = 0; i < 5; i++)
        close(fd[i]);
}

/* Leaves room for no further descriptor until it is called with 0. */
static void exhaust_descriptors(bool on)
{
    static struct rlimit before;
    struct rlimit now;
    int next;

    if (!on) {
        setrlimit(RLIMIT_NOFILE, &before);
        return;
    }
    next = dup(0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    now = before;
    now.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(dup(0), -1);
}

/* A caller that had to wait in the backlog for a descriptor would wait for ever, and epoll would not sleep. */
static void without_descriptors_a_caller_is_closed(void **state)
{
    struct err e;
    char c;
    int fd, spare;

    (void)state;
    assert_int_equal(listen_unix(&e), 0);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, &listener.address.sa.any, listener.address.len), 0);
    exhaust_descriptors(true);
    turns(2);
    spare = net.spare_fd;
    exhaust_descriptors(false);
    assert_int_equal(hear(fd, &c, 1), 0);
    assert_int_equal(net.stats.overflowed, 1);
    assert_int_equal(net.count, 0);
    assert_true(spare >= 0); /* ready for the next */
    close(fd);
    fd = dial(&listener);
    assert_int_equal(net.count, 1);
    close(fd);
}

static void without_descriptors_an_idle_connection_goes_first(void **state)
{
    struct err e;
    int idle, fd;
    char c;

    (void)state;
    assert_int_equal(listen_unix(&e), 0);
    idle = dial(&listener);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, &listener.address.sa.any, listener.address.len), 0);
    exhaust_descriptors(true);
    turns(3);
    exhaust_descriptors(false);
    assert_int_equal(net.stats.evicted, 1);
    assert_int_equal(hear(idle, &c, 1), 0);
    assert_int_equal(hear(fd, &c, 1), -1);
    assert_int_equal(net.count, 1);
    close(idle);
    close(fd);
}

/* One turn takes so many callers and no more: the others are not starved. */
static void a_turn_accepts_a_share(void **state)
{
    enum { CALLERS = TURN_MESSAGES + 3 };
    int fd[CALLERS];
    struct err e;

    (void)state;
    net.max_connections = 100;
    assert_int_equal(listen_unix(&e), 0);
    for (int i = 0; i < CALLERS; i++) {
        fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd[i], &listener.address.sa.any, listener.address.len), 0);
    }
    turns(1);
    assert_int_equal(net.count, TURN_MESSAGES);
    turns(1);
    assert_int_equal(net.count, CALLERS);
    for (int i = 0; i < CALLERS; i++)
        close(fd[i]);
}

/* --- the end --------------------------------------------------------------------------------- */

static void a_new_generation_ends_the_older_ones_only(void **state)
{
    struct err e;
    int old, young;
    char c;

    (void)state;
    assert_int_equal(listen_at(&listener, "tcp:127.0.0.1:0", &e), 0);
    old = dial(&listener);
    net_new_generation(&net);
    turns(1);
    assert_int_equal(closed_why, CLOSE_OLD);
    assert_int_equal(recv(old, &c, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    young = dial(&listener);
    net.generation--; /* as if this one had been accepted before */
    net_new_generation(&net);
    turns(1);
    assert_int_equal(net.count, 1);
    close(old);
    close(young);
}

static void unlisten_refuses_from_then_on(void **state)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), open_one;
    struct err e;

    (void)state;
    assert_int_equal(listen_unix(&e), 0);
    open_one = dial(&listener);
    net_unlisten(&net);
    assert_int_equal(connect(fd, &listener.address.sa.any, listener.address.len), -1);
    assert_int_equal(net.count, 1); /* who is in stays */
    net_shutdown(&net);
    assert_true(net.shutting_down);
    turns(2);
    close(open_one);
    turns(3);
    assert_int_equal(net.count, 0);
    assert_int_equal(closed, 1);
    close(fd);
}

/* --- memory for request bodies --------------------------------------------------------------- */

static void one_connection_goes_on_when_body_memory_is_out(void **state)
{
    struct seg *all[2], *extra;
    struct conn *first, *second;
    struct err e;
    int a, b;

    (void)state;
    assert_int_equal(listen_unix(&e), 0);
    a = dial(&listener);
    first = last;
    b = dial(&listener);
    second = last;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        all[i] = conn_body_seg(first);
        assert_ptr_equal(all[i]->pool, &in_pool);
    }
    extra = conn_body_seg(first);
    assert_null(extra->pool); /* the overdraft is from the heap */
    assert_null(conn_body_seg(second));
    assert_false(second->want_read);
    conn_body_done(first);
    assert_true(second->want_read);
    assert_false(second->starved);
    seg_unref(extra);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        seg_unref(all[i]);
    close(a);
    close(b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_socket_file_is_for_its_owner_only_and_goes_at_the_end),
        T(a_stale_socket_is_replaced),
        T(a_live_socket_is_left_alone),
        T(a_file_that_is_no_socket_is_left_alone),
        T(the_folder_must_be_there),
        T(errors_of_the_kernel_have_their_status),
        T(port_0_becomes_a_port_and_is_taken_then),
        T(the_peer_is_known_by_its_uid),
        T(the_gatekeeper_refuses),
        T(busy_connections_leave_no_room),
        T(the_longest_idle_connection_makes_room),
        T(without_descriptors_a_caller_is_closed),
        T(without_descriptors_an_idle_connection_goes_first),
        T(a_turn_accepts_a_share),
        T(a_new_generation_ends_the_older_ones_only),
        T(unlisten_refuses_from_then_on),
        T(one_connection_goes_on_when_body_memory_is_out),
    };

    return RUN(tests);
}
