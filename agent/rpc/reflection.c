#include "rpc/reflection.h"

#include <stdio.h>

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "rpc/rpc.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest request;
typedef Grpc__Reflection__V1__ServerReflectionResponse response;

static void answer_error(response *r, Grpc__Reflection__V1__ErrorResponse *error, enum status code,
                         char *text)
{
    error->error_code = (int32_t)code;
    error->error_message = text;
    r->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    r->error_response = error;
}

/* The file of that name, or NULL. */
static const struct described_file *file_by_name(const char *name)
{
    for (size_t i = 0; i < described_files_count; i++)
        if (strcmp(described_files[i].name, name) == 0)
            return &described_files[i];
    return NULL;
}

/* The file that defines the symbol, or NULL. */
static const struct described_file *file_by_symbol(const char *symbol)
{
    char text[256] = "";
    size_t len = strlen(symbol);

    if (len + 2 > sizeof text)
        return NULL;
    memcpy(text + 1, symbol, len + 1);
    for (size_t i = 0; len > 0 && i < described_files_count; i++)
        if (memmem(described_files[i].symbols.ptr, described_files[i].symbols.len, text, len + 2))
            return &described_files[i];
    return NULL;
}

/* Answers one request. The response is on the stack, and so is all that it points to. */
static void answer(struct rpc_call *call, const request *q)
{
    response r = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
    Grpc__Reflection__V1__FileDescriptorResponse files = GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    ProtobufCBinaryData bytes;
    const struct described_file *file = NULL;
    char text[ERR_TEXT_MAX];

    r.valid_host = q->host;
    r.original_request = (request *)(uintptr_t)q;
    switch (q->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        file = file_by_name(q->file_by_filename);
        snprintf(text, sizeof text, "file '%.128s' is not known", q->file_by_filename);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        file = file_by_symbol(q->file_containing_symbol);
        snprintf(text, sizeof text, "symbol '%.128s' is not known", q->file_containing_symbol);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        snprintf(text, sizeof text, "proto3 has no extensions");
        break;
    default:
        answer_error(&r, &error, STATUS_INVALID_ARGUMENT, (char *)(uintptr_t) "the request asks for nothing");
        rpc_send(call, &r.base);
        return;
    }
    if (file) {
        bytes = (ProtobufCBinaryData){file->bytes.len, (uint8_t *)(uintptr_t)file->bytes.ptr};
        files.n_file_descriptor_proto = 1;
        files.file_descriptor_proto = &bytes;
        r.message_response_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
        r.file_descriptor_response = &files;
    } else {
        answer_error(&r, &error, STATUS_NOT_FOUND, text);
    }
    rpc_send(call, &r.base);
}

/* Answers with the names of all services. */
static void list_services(struct rpc_call *call, const request *q)
{
    response r = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    Grpc__Reflection__V1__ListServiceResponse list = GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    Grpc__Reflection__V1__ServiceResponse *all;
    CLEANUP_FREE void *memory = NULL;
    const struct rpc_service *s = NULL;
    size_t n = 0;

    while ((s = rpc_next_service(call, s)))
        n++;
    memory = malloc(n * (sizeof *all + sizeof(void *)) + 1);
    if (!memory) {
        struct err e;

        err_nomem(&e, "list the services");
        rpc_finish(call, &e);
        return;
    }
    list.service = memory;
    all = (Grpc__Reflection__V1__ServiceResponse *)(void *)(list.service + n);
    while ((s = rpc_next_service(call, s))) {
        grpc__reflection__v1__service_response__init(all);
        all->name = (char *)(uintptr_t)s->name;
        list.service[list.n_service++] = all++;
    }
    r.valid_host = q->host;
    r.original_request = (request *)(uintptr_t)q;
    r.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    r.list_services_response = &list;
    rpc_send(call, &r.base);
}

static enum rpc_taken on_message(struct rpc_call *call, const ProtobufCMessage *m)
{
    const request *q = (const request *)m;

    if (q->message_request_case ==
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES)
        list_services(call, q);
    else
        answer(call, q);
    return RPC_NEXT;
}

static void on_half_close(struct rpc_call *call)
{
    rpc_finish(call, NULL);
}

static const struct rpc_method methods[] = {
    {.name = "ServerReflectionInfo",
     .kind = RPC_BIDI_STREAM,
     .input = &grpc__reflection__v1__server_reflection_request__descriptor,
     .output = &grpc__reflection__v1__server_reflection_response__descriptor,
     .message = on_message,
     .half_close = on_half_close},
};

static struct rpc_service v1 = {
    .name = "grpc.reflection.v1.ServerReflection", .methods = methods, .count = ARRAY_LEN(methods)};
static struct rpc_service v1alpha = {
    .name = "grpc.reflection.v1alpha.ServerReflection", .methods = methods, .count = ARRAY_LEN(methods)};

int reflection_register(struct rpc *r)
{
    return rpc_register(r, &v1) < 0 || rpc_register(r, &v1alpha) < 0 ? -1 : 0;
}
