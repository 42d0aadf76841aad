#include "rpc/reflection.h"

#include "test.h"

#include "rpc_rig.h"

static int setup_reflection(void **state)
{
    return setup(state) == 0 ? reflection_register(&rpc) : -1;
}

/* Sends the requests, one message each, to v1 or v1alpha; the answers are what it returns. */
static const char *ask(const char *version, const char *const *requests, size_t count)
{
    static char text[200000];
    int fd = rig_connect(&r), n;
    size_t len = 0;
    char *body = malloc(100000);

    assert_non_null(body);
    for (size_t i = 0; i < count; i++)
        len += wrap(body + len, 0, requests[i]);
    n = snprintf(text, sizeof text,
                 "POST /grpc.reflection.%s.ServerReflection/ServerReflectionInfo HTTP/1.1\r\nHost: a\r\n"
                 "Content-Type: application/connect+json\r\nContent-Length: %zu\r\n\r\n",
                 version, len);
    memcpy(text + n, body, len);
    free(body);
    rig_send(&r, fd, text, (size_t)n + len);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    close(fd);
    rig_turns(&r, 3);
    return messages();
}

static void services_are_listed(void **state)
{
    static const char *const request[] = {"{\"listServices\":\"\"}"};

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_non_null(strstr(ask(i ? "v1" : "v1alpha", request, 1),
                               "\"listServicesResponse\":{\"service\":[{\"name\":\"unit.Test\"},"
                               "{\"name\":\"grpc.reflection.v1.ServerReflection\"},"
                               "{\"name\":\"grpc.reflection.v1alpha.ServerReflection\"}]}"));
}

/* The file of a symbol, and files by name: "CgtwcmVjZXNzL..." is base64 of a descriptor that begins with its name. */
static void files_are_found(void **state)
{
    static const char *const requests[] = {
        "{\"fileByFilename\":\"process/process.proto\"}",
        "{\"fileContainingSymbol\":\"process.Process\"}",
        "{\"fileContainingSymbol\":\"process.Process.Start\"}",
        "{\"fileContainingSymbol\":\"process.StartRequest\"}",
        "{\"fileContainingSymbol\":\"process.ProcessEvent.DataEvent\"}",
        "{\"fileByFilename\":\"google/protobuf/timestamp.proto\"}",
    };
    const char *answers = ask("v1", requests, ARRAY_LEN(requests));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        answers = strstr(answers, "\"fileDescriptorResponse\":{\"fileDescriptorProto\":[\"C");
        assert_non_null(answers++);
    }
    assert_null(strstr(answers, "errorResponse"));
}

static void what_is_not_there(void **state)
{
    static const struct {
        const char *request, *says;
    } cases[] = {
        {"{\"fileByFilename\":\"process\"}",
         "\"errorResponse\":{\"errorCode\":5,\"errorMessage\":\"file 'process' is not known\"}"},
        {"{\"fileContainingSymbol\":\"process.Proces\"}",
         "\"errorResponse\":{\"errorCode\":5,\"errorMessage\":\"symbol 'process.Proces' is not known\"}"},
        {"{\"fileContainingSymbol\":\"\"}", "\"errorCode\":5"},
        {"{\"fileContainingExtension\":{\"containingType\":\"process.StartRequest\",\"extensionNumber\":1}}",
         "\"errorMessage\":\"proto3 has no extensions\""},
        {"{\"allExtensionNumbersOfType\":\"process.StartRequest\"}", "\"errorCode\":5"},
        {"{}", "\"errorCode\":3"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!strstr(ask("v1", &cases[i].request, 1), cases[i].says))
            fail_msg("%s: %s", cases[i].request, messages());
}

/* More is asked at once than may wait: all of it is answered. */
static void many_questions(void **state)
{
    const char *requests[100];
    const char *answers;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        requests[i] = "{\"fileByFilename\":\"grpc/health/v1/health.proto\"}";
    for (answers = ask("v1", requests, ARRAY_LEN(requests));
         (answers = strstr(answers, "fileDescriptorProto")); answers++)
        count++;
    assert_int_equal(count, ARRAY_LEN(requests));
    assert_null(strstr(messages(), "error"));
}

#define R(f) cmocka_unit_test_setup_teardown(f, setup_reflection, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        R(services_are_listed),
        R(files_are_found),
        R(what_is_not_there),
        R(many_questions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
