#include "files/unary.h"

#include "files_rig.h"
#include "filesystem/filesystem.pb-c.h"
#include "test.h"

static atomic_bool at_work, stopped;

/* Works until it is stopped. */
static int hang(struct unary *u, const struct user *user, struct err *e)
{
    (void)user;
    atomic_store(&at_work, true);
    while (!atomic_load(&u->stop))
        usleep(500);
    atomic_store(&stopped, true);
    return err_set(e, STATUS_CANCELED, 0, "stopped");
}

/* Tells which path it was given. */
static int tell(struct unary *u, const struct user *user, struct err *e)
{
    const Filesystem__StatRequest *m = (const Filesystem__StatRequest *)u->request;
    uint8_t nul[] = {'/', 0, 'x'};
    uint8_t high[] = {'~', '/', 0xFF};
    ProtobufCBinaryData bytes = {sizeof nul, nul};
    CLEANUP_FREE char *path = unary_path(u, user, m->path, NULL, e), *other = NULL;

    assert_string_equal(path, "/root/x");
    assert_null(unary_path(u, user, m->path, &bytes, e));
    assert_int_equal(e->status, STATUS_INVALID_ARGUMENT);
    bytes = (ProtobufCBinaryData){sizeof high, high};
    other = unary_path(u, user, m->path, &bytes, e);
    assert_string_equal(other, "/root/\xFF");
    return err_set(e, STATUS_DATA_LOSS, 0, "told");
}

static enum rpc_taken hang_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, hang);
}

static enum rpc_taken tell_call(struct rpc_call *call, const ProtobufCMessage *m)
{
    return unary_begin(call, m, tell);
}

static const struct rpc_method methods[] = {
    {.name = "Hang",
     .input = &filesystem__stat_request__descriptor,
     .output = &filesystem__stat_response__descriptor,
     .message = hang_call},
    {.name = "Tell",
     .input = &filesystem__stat_request__descriptor,
     .output = &filesystem__stat_response__descriptor,
     .message = tell_call},
};
static struct rpc_service service = {
    .name = "test.Unary", .methods = methods, .count = ARRAY_LEN(methods), .context = &files};

static void an_error_of_the_work(void **state)
{
    (void)state;
    assert_non_null(strstr(answer(ask("test.Unary/Tell", "{\"path\":\"x\"}")),
                           "{\"code\":\"data_loss\",\"message\":\"told\"}"));
}

/* The client goes while the worker works: the work is told to stop, and its result goes nowhere. */
static void a_call_that_nobody_waits_for(void **state)
{
    int fd = ask("test.Unary/Hang", "{}");
    uint64_t end = clock_mono_ms() + 10000;

    (void)state;
    while (!atomic_load(&at_work) && clock_mono_ms() < end)
        rig_turns(&rig, 1);
    close(fd);
    while (!atomic_load(&stopped) && clock_mono_ms() < end)
        rig_turns(&rig, 1);
    assert_true(atomic_load(&stopped));
    assert_int_equal(files.waiting.count, 0);
}

/* The user is looked up by the worker; who is unknown gets no further. */
static void an_unknown_user(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(settings_set_defaults(&settings, "no-such-user", NULL, &e), 0);
    assert_non_null(strstr(answer(ask("test.Unary/Tell", "{}")), "invalid default user: 'no-such-user'"));
    assert_int_equal(settings_set_defaults(&settings, "root", NULL, &e), 0);
}

static int setup_service(void **state)
{
    return setup(state) < 0 ? -1 : rpc_register(&rpc, &service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_of_the_work),
        cmocka_unit_test(a_call_that_nobody_waits_for),
        cmocka_unit_test(an_unknown_user),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup_service, teardown);
}
