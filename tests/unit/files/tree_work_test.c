#include "files/tree_work.h"

#include "files_rig.h"
#include "filesystem/filesystem.pb-c.h"
#include "test.h"

static const struct {
    const char *path;
    enum status status; /* STATUS_OK: it begins */
    const char *becomes;
} cases[] = {
    {"/a", STATUS_OK, "/a"},
    {"~/b", STATUS_OK, "/root/b"},
    {"NUL", STATUS_INVALID_ARGUMENT, NULL},
    {"full", STATUS_RESOURCE_EXHAUSTED, NULL},
};

/* Begins a work for the path as cases has it, here on the loop, and answers with what came of it. */
static enum rpc_taken begin(struct rpc_call *call, const ProtobufCMessage *message)
{
    const Filesystem__StatRequest *m = (const Filesystem__StatRequest *)message;
    ProtobufCBinaryData nul = {3, (uint8_t *)(uintptr_t) "a\0b"};
    bool full = strcmp(m->path, "full") == 0;
    struct tree_work w;
    struct err e;

    files.trees += full ? TREES_MAX : 0;
    if (tree_work_init(&w, call, m->path, strcmp(m->path, "NUL") == 0 ? &nul : NULL, &e) == 0) {
        CLEANUP_FREE char *path = NULL;

        assert_int_equal(files.trees, 1);
        assert_int_equal(tree_work_enter(&w, &e), 0);
        path = tree_work_path(&w, &e);
        tree_work_leave(&w);
        tree_work_fail(&w, STATUS_DATA_LOSS, bytes_of(path), "it is");
        assert_true(w.failed);
        e = w.error;
        tree_work_clear(&w);
    }
    files.trees -= full ? TREES_MAX : 0;
    assert_int_equal(files.trees, 0);
    rpc_finish(call, &e);
    return RPC_NEXT;
}

static const struct rpc_method methods[] = {
    {.name = "Begin",
     .input = &filesystem__stat_request__descriptor,
     .output = &filesystem__stat_response__descriptor,
     .message = begin},
};
static struct rpc_service service = {
    .name = "test.Tree", .methods = methods, .count = ARRAY_LEN(methods), .context = &files};

static void a_work_for_a_path(void **state)
{
    (void)state;
    assert_int_equal(rpc_register(&rpc, &service), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char json[64], want[128];
        const char *got;

        snprintf(json, sizeof json, "{\"path\":\"%s\"}", cases[i].path);
        got = answer(ask("test.Tree/Begin", json));
        snprintf(want, sizeof want, "\"message\":\"'%s' in '%s': it is\"", cases[i].becomes, cases[i].path);
        assert_non_null(strstr(got, cases[i].status ? status_name(cases[i].status) : want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_work_for_a_path),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
