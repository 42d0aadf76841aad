/* Includes the source to reach how the fields are read that choose protocol, codec and compression. */
#include "rpc/service.c"

#include "test.h"
#include "unit.pb-c.h"

/* The protocol that the content type means to a method of that kind, and its codec and response type. */
static const struct rpc_protocol *ask(const char *type, enum rpc_kind kind, enum codec *codec,
                                      const char **response)
{
    struct http_exchange x = {0};
    const struct rpc_protocol *p;

    if (type)
        assert_int_equal(http_fields_add(&x.request, "content-type", bytes_of(type)), 0);
    p = protocol_of(&x, kind, codec, response);
    http_fields_clear(&x.request);
    return p;
}

static void the_content_type_says_all(void **state)
{
    static const struct {
        const char *type;
        const struct rpc_protocol *unary, *stream;
        enum codec codec;
        const char *response;
    } cases[] = {
        {"application/json", &connect_unary, NULL, CODEC_JSON, "application/json"},
        {"Application/Proto; x=y", &connect_unary, NULL, CODEC_PROTO, "application/proto"},
        {"application/connect+json", NULL, &connect_stream, CODEC_JSON, "application/connect+json"},
        {"application/grpc", &grpc, &grpc, CODEC_PROTO, "application/grpc"},
        {"application/grpc+proto", &grpc, &grpc, CODEC_PROTO, "application/grpc+proto"},
        {"application/grpc+json", &grpc, &grpc, CODEC_JSON, "application/grpc+json"},
        {"application/grpc-web ;x", &grpc_web, &grpc_web, CODEC_PROTO, "application/grpc-web"},
        {"application/grpc-web-text+json", &grpc_web_text, &grpc_web_text, CODEC_JSON,
         "application/grpc-web-text+json"},
        {"application/grpc+foo", NULL, NULL, 0, NULL},
        {"application/grpc-we", NULL, NULL, 0, NULL},
        {"application/jsonx", NULL, NULL, 0, NULL},
        {"", NULL, NULL, 0, NULL},
        {NULL, NULL, NULL, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int kind = RPC_UNARY; kind <= RPC_BIDI_STREAM; kind++) {
            const struct rpc_protocol *want = kind == RPC_UNARY ? cases[i].unary : cases[i].stream;
            const char *response = NULL;
            enum codec codec = CODEC_PROTO;

            assert_ptr_equal(ask(cases[i].type, (enum rpc_kind)kind, &codec, &response), want);
            if (want) {
                assert_int_equal(codec, cases[i].codec);
                assert_string_equal(response, cases[i].response);
            }
        }
    }
}

static void who_accepts_gzip(void **state)
{
    static const char *const yes[] = {"gzip",      "GZIP",   "br, gzip", "identity,gzip;q=0.5",
                                      "gzip ;q=1", "a,,gzip"};
    static const char *const no[] = {"", "br", "gzip;q=0", "gzipped", "x-gzip", "identity, gzip;q=0,br"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        assert_true(rpc_accepts_gzip(bytes_of(yes[i])));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        assert_false(rpc_accepts_gzip(bytes_of(no[i])));
    assert_false(rpc_accepts_gzip((struct bytes){NULL, 0}));
}

static void encodings(void **state)
{
    struct err e;
    bool gzip;

    (void)state;
    assert_int_equal(rpc_parse_encoding(bytes_of("Gzip"), &gzip, &e), 0);
    assert_true(gzip);
    assert_int_equal(rpc_parse_encoding(bytes_of("identity"), &gzip, &e), 0);
    assert_false(gzip);
    assert_int_equal(rpc_parse_encoding((struct bytes){NULL, 0}, &gzip, &e), 0);
    assert_false(gzip);
    assert_int_equal(rpc_parse_encoding(bytes_of("zstd"), &gzip, &e), -1);
    assert_int_equal(e.status, STATUS_UNIMPLEMENTED);
    assert_string_equal(e.text, "unknown compression \"zstd\": supported encodings are gzip");
}

/* --- where requests go ----------------------------------------------------------------------- */

static const struct rpc_method first_methods[] = {
    {.name = "Get",
     .flags = RPC_IDEMPOTENT | RPC_PUBLIC,
     .input = &unit__all__descriptor,
     .output = &unit__all__descriptor},
    {.name = "Getter",
     .flags = RPC_HOST | RPC_CONTROL,
     .input = &unit__all__descriptor,
     .output = &unit__all__descriptor},
};
static struct rpc_service first = {
    .name = "unit.A", .methods = first_methods, .count = ARRAY_LEN(first_methods)};
static struct rpc_service second = {.name = "unit.A.B", .methods = first_methods, .count = 1};

/* 0, or the verbs that the path has instead. */
static const char *goes(const struct http *h, const char *verb, const char *path,
                        const struct rpc_service *service, const char *method, unsigned flags)
{
    static char allowed[HTTP_ALLOWED_MAX];
    struct http_route r = {0};
    bool found = http_route_find(h, verb, bytes_of(path), &r, allowed);

    assert_int_equal(found, method != NULL);
    assert_int_equal(r.begin != NULL, found);
    if (found) {
        assert_ptr_equal(r.arg, service);
        assert_string_equal(((const struct rpc_method *)r.item)->name, method);
        assert_int_equal(r.flags, flags);
        assert_ptr_equal(r.begin, strcmp(r.method, "GET") == 0 ? accept_get : accept_post);
    }
    return allowed;
}

static void paths_lead_to_methods(void **state)
{
    struct http h;
    struct rpc rpc;
    struct rpc_call call = {.rpc = &rpc};

    (void)state;
    http_init(&h, NULL);
    rpc_init(&rpc, &h, NULL, NULL);
    assert_null(rpc_next_service(&call, NULL));
    assert_int_equal(rpc_register(&rpc, &first), 0);
    assert_int_equal(rpc_register(&rpc, &second), 0);
    assert_ptr_equal(rpc_next_service(&call, NULL), &first);
    assert_ptr_equal(rpc_next_service(&call, &first), &second);
    assert_null(rpc_next_service(&call, &second));

    goes(&h, "POST", "/unit.A/Get", &first, "Get", HTTP_PUBLIC);
    goes(&h, "GET", "/unit.A/Get", &first, "Get", HTTP_PUBLIC);
    goes(&h, "HEAD", "/unit.A/Get", &first, "Get", HTTP_PUBLIC);
    goes(&h, "POST", "/unit.A/Getter", &first, "Getter", HTTP_HOST | HTTP_CONTROL);
    goes(&h, "POST", "/unit.A.B/Get", &second, "Get", HTTP_PUBLIC);
    assert_string_equal(goes(&h, "PUT", "/unit.A/Get", NULL, NULL, 0), "POST, GET, HEAD");
    assert_string_equal(goes(&h, "GET", "/unit.A/Getter", NULL, NULL, 0), "POST");
    for (const char *const *path =
             (const char *const[]){"", "/", "unit.A/Get", "/unit.A", "/unit.A/", "/unit.A/Ge", "/unit.A/Get/",
                                   "/unit.A/get", "//unit.A/Get", "/unit.A//Get", "/unit.A.B/Getter",
                                   "/unit.A.C/Get", NULL};
         *path; path++)
        assert_string_equal(goes(&h, "POST", *path, NULL, NULL, 0), "");
    http_destroy(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_content_type_says_all),
        cmocka_unit_test(who_accepts_gzip),
        cmocka_unit_test(encodings),
        cmocka_unit_test(paths_lead_to_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
