/* Where guestd listens for each command line, and who may come in by which door. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/log.h"
#include "http/http.h"

/* Listening is written down instead of done; what a test names is refused. */
static char listened[512]; /* addresses, each with a space */
static const char *refused;
static enum status refused_status;

static int listen_seen(struct net *n, struct listener *l, struct err *e)
{
    char text[ADDRESS_TEXT_MAX];

    (void)n;
    address_text(&l->address, text);
    if (refused && strstr(text, refused))
        return err_set(e, refused_status, 0, "listen on %s: refused", text);
    strcat(listened, text);
    strcat(listened, " ");
    return 0;
}

static uid_t our_uid;

#define net_listen(n, l, e) listen_seen(n, l, e)
#define geteuid()           our_uid

#include "doors.c"

#undef net_listen
#undef geteuid

static struct flags flags;
static struct boot boot;
static struct settings settings;
static struct loop loop;
static struct http http;
static struct stacyvm stacyvm;
static struct jobs *workers;
static struct doors doors;
static struct err e;

static int setup(void **state)
{
    (void)state;
    log_init(LOG_OFF, LOG_TEXT, false);
    our_uid = 0;
    refused = NULL;
    unsetenv("XDG_RUNTIME_DIR");
    if (loop_init(&loop) < 0 || settings_init(&settings, NULL, &e) < 0)
        return -1;
    http_init(&http, NULL);
    workers = jobs_new(&loop, &(struct jobs_config){"worker", 1, 0, 4});
    return workers ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    jobs_destroy(workers);
    settings_destroy(&settings);
    http_destroy(&http);
    loop_destroy(&loop);
    return 0;
}

/* Opens the doors of a command line. Tokens are printed; that goes nowhere. */
static int open_with(const char *const *words, bool pid1)
{
    static char *argv[16];
    int argc = 0, before = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC), ret;

    for (; *words; words++)
        argv[argc++] = (char *)(uintptr_t)*words;
    flags_init(&flags, argv[0]);
    assert_int_equal(flags_parse(&flags, argc, argv, NULL, &e), 0);
    listened[0] = 0;
    dup2(null, STDERR_FILENO);
    ret = doors_open(&doors, &flags, NULL, &http, &stacyvm, &settings, workers, pid1 ? &boot : NULL, &e);
    dup2(before, STDERR_FILENO);
    close(before);
    close(null);
    return ret;
}

#define OPEN(...) open_with((const char *const[]){__VA_ARGS__, NULL}, false)

/* --- the table of the defaults --------------------------------------------------------------- */

static void each_command_line_has_its_listeners(void **state)
{
    static const struct {
        const char *words[5];
        bool pid1;
        uid_t uid;
        const char *dir, *want;
    } cases[] = {
        {{"guestd"}, true, 0, NULL, "vsock:49983 "},
        {{"guestd"}, false, 0, NULL, "unix:/run/guestd.sock vsock:49983 "},
        {{"guestd"}, false, 0, "/run/user/0", "unix:/run/guestd.sock vsock:49983 "},
        {{"guestd"}, false, 7, "/run/user/7", "unix:/run/user/7/guestd.sock vsock:49983 "},
        {{"guestd"}, false, 7, "", "unix:/run/guestd.sock vsock:49983 "},
        {{"guestd", "--tcp"}, false, 0, NULL, "unix:/run/guestd.sock vsock:49983 tcp:127.0.0.1:49983 "},
        {{"guestd", "--tcp"}, true, 0, NULL, "vsock:49983 tcp:127.0.0.1:49983 "},
        {{"/usr/bin/envd"}, false, 0, NULL, "tcp:[::]:49983 vsock:49983 "},
        {{"envd"}, true, 0, NULL, "tcp:[::]:49983 vsock:49983 "},
        {{"guestd", "-isnotfc"}, false, 0, NULL, "tcp:[::]:49983 vsock:49983 "},
        {{"guestd", "-port", "8080"}, false, 0, NULL, "tcp:[::]:8080 vsock:49983 "},
        {{"guestd", "--listen", "unix:/x"}, false, 0, NULL, "unix:/x "},
        {{"guestd", "--listen", "unix:/x"}, true, 0, NULL, "unix:/x "},
        {{"/usr/local/bin/stacyvm-agent"}, true, 0, NULL, "vsock:49983 vsock:1024 "},
        {{"stacyvm-agent", "--listen", "unix:/x"}, true, 0, NULL, "unix:/x "},
        {{"guestd", "--listen", "stacyvm@vsock:3"}, true, 0, NULL, "vsock:3 "},
        {{"guestd", "--listen", "unix:/a@b"}, true, 0, NULL, "unix:/a@b "},
        {{"envd", "--listen", "unix:/x", "--tcp"}, false, 0, NULL, "unix:/x tcp:127.0.0.1:49983 "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        our_uid = cases[i].uid;
        if (cases[i].dir)
            setenv("XDG_RUNTIME_DIR", cases[i].dir, 1);
        else
            unsetenv("XDG_RUNTIME_DIR");
        assert_int_equal(open_with(cases[i].words, cases[i].pid1), 0);
        assert_string_equal(listened, cases[i].want);
    }
}

static void a_default_that_does_not_work_here_is_left_out(void **state)
{
    (void)state;
    refused = "vsock";
    refused_status = STATUS_UNAVAILABLE;
    assert_int_equal(OPEN("guestd"), 0);
    assert_string_equal(listened, "unix:/run/guestd.sock ");
    assert_int_equal(doors.count, 1);
}

static void without_ipv6_an_envd_takes_ipv4(void **state)
{
    (void)state;
    refused = "[::]";
    refused_status = STATUS_UNAVAILABLE;
    assert_int_equal(OPEN("envd"), 0);
    assert_string_equal(listened, "tcp:0.0.0.0:49983 vsock:49983 ");
    refused_status = STATUS_FAILED_PRECONDITION; /* in use: not to be worked around */
    assert_int_equal(OPEN("envd"), -1);
    assert_string_equal(e.text, "listen on tcp:[::]:49983: refused");
}

static void an_explicit_one_that_fails_is_an_error(void **state)
{
    (void)state;
    refused = "/b";
    refused_status = STATUS_PERMISSION_DENIED;
    assert_int_equal(OPEN("guestd", "--listen", "unix:/a", "--listen", "unix:/b"), -1);
    assert_string_equal(e.text, "listen on unix:/b: refused");
    assert_int_equal(OPEN("guestd", "--listen", "nonsense"), -1);
    assert_non_null(strstr(e.text, "nonsense"));
    refused = "127.0.0.1";
    assert_int_equal(OPEN("guestd", "--tcp"), -1);
}

static void a_door_speaks_what_its_address_says(void **state)
{
    (void)state;
    assert_int_equal(OPEN("guestd", "--listen", "stacyvm@unix:/a", "--listen", "unix:/b"), 0);
    assert_ptr_equal(doors.all[0].listener.protocol, &stacyvm_protocol);
    assert_ptr_equal(doors.all[0].listener.protocol_arg, &stacyvm);
    assert_ptr_equal(doors.all[1].listener.protocol, &http_h1);
    assert_int_equal(OPEN("guestd", "--listen", "fly@unix:/a"), -1);
    assert_non_null(strstr(e.text, "no protocol but stacyvm@"));
    assert_int_equal(OPEN("guestd", "--listen", "stacyvm@tcp:127.0.0.1:1"), -1);
    assert_non_null(strstr(e.text, "needs --open"));
    assert_int_equal(OPEN("guestd", "--listen", "stacyvm@tcp:127.0.0.1:1", "--open"), 0);
}

static void who_has_no_token_to_show_stays_outside(void **state)
{
    struct conn c = {.peer = {.transport = TRANSPORT_VSOCK, .cid = 2}};

    (void)state;
    assert_int_equal(OPEN("guestd", "--listen", "stacyvm@vsock:1024"), 0);
    c.listener = &doors.all[0].listener;
    assert_int_equal(stacyvm.authorize(&c, &e), 0);
    assert_int_equal(settings_set_token(&settings, "secret", &e), 0);
    assert_int_equal(stacyvm.authorize(&c, &e), -1);
    assert_int_equal(e.status, STATUS_UNAUTHENTICATED);
    c.peer = (struct peer){.transport = TRANSPORT_UNIX, .known = true, .uid = 0};
    assert_int_equal(stacyvm.authorize(&c, &e), 0);
    assert_int_equal(settings_set_token(&settings, NULL, &e), 0);
}

/* --- tokens of a door ------------------------------------------------------------------------ */

static void a_tcp_door_has_a_token_unless_it_is_open(void **state)
{
    static const struct {
        const char *words[6];
        bool has;
    } cases[] = {
        {{"guestd", "--listen", "tcp:127.0.0.1:1"}, true},
        {{"guestd", "--listen", "tcp:127.0.0.1:1", "--open"}, false},
        {{"guestd", "--listen", "tcp:127.0.0.1:1", "--token-file", "/t"}, false}, /* that one counts */
        {{"guestd", "--listen", "tcp:127.0.0.1:1", "--require-token"}, false},
        {{"guestd", "--listen", "unix:/x"}, false},
        {{"envd"}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(open_with(cases[i].words, false), 0);
        if ((doors.all[0].token[0] != 0) != cases[i].has)
            fail_msg("case %zu: '%s'", i, doors.all[0].token);
    }
}

static void tokens_are_long_differ_and_are_easy_to_paste(void **state)
{
    char first[sizeof doors.all[0].token];

    (void)state;
    assert_int_equal(OPEN("guestd", "--listen", "tcp:127.0.0.1:1"), 0);
    strcpy(first, doors.all[0].token);
    assert_int_equal(strlen(first), 40);
    assert_int_equal(strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 40);
    assert_int_equal(OPEN("guestd", "--listen", "tcp:127.0.0.1:1"), 0);
    assert_string_not_equal(first, doors.all[0].token);
}

/* --- at accept ------------------------------------------------------------------------------- */

static void on_vsock_the_host_and_the_named_may_connect(void **state)
{
    const struct listener *l = &doors.all[0].listener;

    (void)state;
    assert_int_equal(OPEN("guestd", "--listen", "vsock:1", "--vsock-allow", "7", "--vsock-allow", "9"), 0);
    assert_true(l->admit(l, &(struct peer){.transport = TRANSPORT_VSOCK, .cid = 2}));
    assert_true(l->admit(l, &(struct peer){.transport = TRANSPORT_VSOCK, .cid = 9}));
    assert_false(l->admit(l, &(struct peer){.transport = TRANSPORT_VSOCK, .cid = 8}));
    assert_false(l->admit(l, &(struct peer){.transport = TRANSPORT_VSOCK, .cid = 1})); /* a process in here */
    assert_true(l->admit(l, &(struct peer){.transport = TRANSPORT_UNIX, .uid = 5}));
    assert_true(l->admit(l, &(struct peer){.transport = TRANSPORT_TCP}));
}

/* --- a request ------------------------------------------------------------------------------- */

static struct conn conn;
static struct http_exchange *x;
static int kicks, begun;

static void on_kick(struct http_exchange *exchange)
{
    (void)exchange;
    kicks++;
}

static const struct http_wire wire = {.protocol_name = "test", .kick = on_kick, .resume = on_kick};

static void on_begin(struct http_exchange *exchange)
{
    begun++;
    http_reply(exchange, 204, NULL, (struct bytes){NULL, 0});
}

/* A POST of a route with those flags, through the first door, by that peer. Returns the status, 0: not yet. */
static int request(unsigned route_flags, struct peer peer, const char *token, const char *basic)
{
    if (x)
        http_exchange_free(x);
    http_destroy(&http);
    http_init(&http, NULL);
    http.authorize = authorize;
    http.authorize_arg = &doors;
    assert_int_equal(
        http_route_add(
            &http,
            &(struct http_route){.method = "POST", .path = "/r", .flags = route_flags, .begin = on_begin}),
        0);
    conn = (struct conn){.listener = &doors.all[0].listener, .peer = peer};
    x = http_exchange_new(&http, &conn, &wire, NULL);
    assert_int_equal(http_exchange_target(x, "POST", BYTES_LIT("/r")), 0);
    if (token)
        assert_int_equal(http_fields_add(&x->request, "x-access-token", bytes_of(token)), 0);
    if (basic)
        assert_int_equal(http_fields_add(&x->request, "authorization", bytes_of(basic)), 0);
    begun = 0;
    http_begin(x);
    return x->status;
}

static int request_end(void **state)
{
    if (x)
        http_exchange_free(x);
    x = NULL;
    return teardown(state);
}

static void the_doors_token_opens_that_door(void **state)
{
    struct peer tcp = {.transport = TRANSPORT_TCP};

    (void)state;
    assert_int_equal(OPEN("guestd", "--listen", "tcp:127.0.0.1:1"), 0);
    assert_int_equal(request(0, tcp, NULL, NULL), 401);
    assert_int_equal(begun, 0);
    assert_int_equal(request(0, tcp, "wrong", NULL), 401);
    assert_int_equal(request(0, tcp, doors.all[0].token, NULL), 204);
    assert_int_equal(request(HTTP_PUBLIC, tcp, NULL, NULL), 204);
}

static void on_a_unix_socket_root_and_we_need_no_token(void **state)
{
    (void)state;
    our_uid = 7;
    assert_int_equal(OPEN("guestd", "--listen", "unix:/x"), 0);
    assert_int_equal(request(0, (struct peer){TRANSPORT_UNIX, .uid = 0, .known = true}, NULL, NULL), 204);
    assert_int_equal(request(0, (struct peer){TRANSPORT_UNIX, .uid = 7, .known = true}, NULL, NULL), 204);
    assert_int_equal(request(0, (struct peer){TRANSPORT_UNIX, .uid = 8, .known = true}, NULL, NULL), 401);
    assert_int_equal(request(0, (struct peer){TRANSPORT_UNIX, .uid = 0, .known = false}, NULL, NULL), 401);
}

static void host_calls_are_the_hosts(void **state)
{
    (void)state;
    assert_int_equal(OPEN("guestd", "--listen", "vsock:1", "--vsock-allow", "9"), 0);
    assert_int_equal(request(HTTP_HOST, (struct peer){TRANSPORT_VSOCK, .cid = 2}, NULL, NULL), 204);
    assert_int_equal(request(HTTP_HOST, (struct peer){TRANSPORT_VSOCK, .cid = 9}, NULL, NULL), 403);
    assert_int_equal(request(0, (struct peer){TRANSPORT_VSOCK, .cid = 9}, NULL, NULL), 204);
}

/* Turns until the exchange is answered. */
static int answered(void)
{
    for (int i = 0; x->status == 0 && i < 1000; i++) {
        usleep(1000);
        ev_run(loop.ev, EVRUN_NOWAIT);
    }
    return x->status;
}

static void a_basic_user_is_looked_up_by_a_worker(void **state)
{
    struct peer us = {TRANSPORT_UNIX, .uid = 0, .known = true};

    (void)state;
    assert_int_equal(OPEN("guestd", "--listen", "unix:/x"), 0);
    assert_int_equal(request(0, us, NULL, "Basic cm9vdDo="), 0); /* root: */
    assert_int_equal(begun, 0);
    assert_int_equal(answered(), 204);
    assert_string_equal(x->user, "root");
    assert_int_equal(request(0, us, NULL, "Basic bm8tc3VjaC11c2VyOng="), 0); /* no-such-user:x */
    assert_int_equal(answered(), 401);
    assert_int_equal(begun, 0);
}

static void when_the_exchange_is_gone_the_answer_is_dropped(void **state)
{
    struct peer us = {TRANSPORT_UNIX, .uid = 0, .known = true};

    (void)state;
    assert_int_equal(OPEN("guestd", "--listen", "unix:/x"), 0);
    assert_int_equal(request(0, us, NULL, "Basic cm9vdDo="), 0);
    http_exchange_free(x);
    x = NULL;
    for (int i = 0; i < 50; i++) {
        usleep(1000);
        ev_run(loop.ev, EVRUN_NOWAIT);
    }
    assert_int_equal(begun, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, request_end)

/* Of a machine's init: it boots, and can be reached. */
static void what_an_init_cannot_open_is_left_out(void **state)
{
    (void)state;
    refused = "unix:/x";
    refused_status = STATUS_UNAVAILABLE;
    assert_int_equal(
        open_with((const char *const[]){"guestd", "--listen", "unix:/x", "--listen", "tcp::", NULL}, true),
        0);
    assert_string_equal(listened, "vsock:49983 ");
    assert_int_equal(boot.problem_count, 2);
    assert_string_equal(boot.problems[0], "listen on unix:/x: refused");
    boot_clear(&boot);
    assert_int_equal(
        open_with((const char *const[]){"guestd", "--listen", "unix:/x", "--listen", "unix:/y", NULL}, true),
        0);
    assert_string_equal(listened, "unix:/y ");
    boot_clear(&boot);
}

static void note_rest(struct boot *b, void *arg)
{
    (void)b;
    *(bool *)arg = true;
}

/* lo is up before an address of it is bound, and not for other addresses. */
static void tcp_needs_the_rest_of_a_boot(void **state)
{
    bool done = false;

    (void)state;
    boot.rest = note_rest;
    boot.rest_arg = &done;
    assert_int_equal(open_with((const char *const[]){"guestd", "--listen", "unix:/x", NULL}, true), 0);
    assert_false(done);
    assert_int_equal(open_with((const char *const[]){"guestd", "--listen", "tcp:127.0.0.1:1", NULL}, true),
                     0);
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_command_line_has_its_listeners),
        T(a_default_that_does_not_work_here_is_left_out),
        T(without_ipv6_an_envd_takes_ipv4),
        T(an_explicit_one_that_fails_is_an_error),
        T(what_an_init_cannot_open_is_left_out),
        T(tcp_needs_the_rest_of_a_boot),
        T(a_door_speaks_what_its_address_says),
        T(who_has_no_token_to_show_stays_outside),
        T(a_tcp_door_has_a_token_unless_it_is_open),
        T(tokens_are_long_differ_and_are_easy_to_paste),
        T(on_vsock_the_host_and_the_named_may_connect),
        T(the_doors_token_opens_that_door),
        T(on_a_unix_socket_root_and_we_need_no_token),
        T(host_calls_are_the_hosts),
        T(a_basic_user_is_looked_up_by_a_worker),
        T(when_the_exchange_is_gone_the_answer_is_dropped),
    };

    return RUN(tests);
}
