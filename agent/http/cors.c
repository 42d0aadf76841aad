#include "http/http.h"

/* What rs/cors does when every origin is allowed (github.com/rs/cors, cors.go), with connectcors' fields. */

static bool method_allowed(struct bytes method)
{
    static const char *const allowed[] = {"HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        if (bytes_are(method, allowed[i]))
            return true;
    return false;
}

/* Echoes a request field; field values cannot hold CR or LF, the parser refuses them. */
static void add_bytes(struct http_exchange *x, const char *name, struct bytes value)
{
    char *copy = strndup(value.ptr, value.len);

    if (copy)
        http_add(x, name, copy);
    free(copy);
}

bool http_cors(struct http_exchange *x)
{
    struct bytes origin = http_request_field(x, "origin");
    struct bytes method = http_request_field(x, "access-control-request-method");
    struct bytes headers = http_request_field(x, "access-control-request-headers");

    if (strcmp(x->method, "OPTIONS") == 0 && method.ptr) {
        http_add(x, "Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
        if (origin.ptr && method_allowed(method)) {
            http_add(x, "Access-Control-Allow-Origin", "*");
            add_bytes(x, "Access-Control-Allow-Methods", method);
            if (headers.ptr)
                add_bytes(x, "Access-Control-Allow-Headers", headers);
            http_add(x, "Access-Control-Max-Age", "7200");
        }
        http_reply(x, 204, NULL, (struct bytes){NULL, 0});
        return true;
    }
    http_add(x, "Vary", "Origin");
    if (origin.ptr && method_allowed(bytes_of(x->method))) {
        http_add(x, "Access-Control-Allow-Origin", "*");
        http_add(x, "Access-Control-Expose-Headers",
                 "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, Location, Cache-Control, "
                 "X-Content-Type-Options");
    }
    return false;
}
