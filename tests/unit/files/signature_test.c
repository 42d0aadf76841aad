#include "files/signature.c"

#include <stdio.h>

#include "core/clock.h"
#include "test.h"

#define TOKEN "0tQG31xiMp0IOQfaz9dcwi72L1CPo8e0"

static struct settings settings = {.token = TOKEN};
static struct err e;

/* Asks for `operation` with the query; the message, or NULL when it may. */
static const char *refusal(const char *query, const char *operation)
{
    struct http_exchange x = {.query = bytes_of(query)};

    return files_signature_check(&settings, &x, operation, &e) < 0 ? e.text : NULL;
}

static void the_vector_of_the_clients(void **state)
{
    const char *query =
        "path=hello.txt&username=user&signature=v1_gUtH%2Fs9YCJWgCizjfUxuWfhFE4QSydOWEIIvfLwDr6E";

    (void)state;
    assert_null(refusal(query, "read"));
    assert_string_equal(refusal(query, "write"), "invalid signature");
    assert_int_equal(e.status, STATUS_UNAUTHENTICATED);
}

static void every_word_counts(void **state)
{
    (void)state;
    assert_string_equal(
        refusal("path=hello.tx&username=user&signature=v1_gUtH%2Fs9YCJWgCizjfUxuWfhFE4QSydOWEIIvfLwDr6E",
                "read"),
        "invalid signature");
    assert_string_equal(
        refusal("path=hello.txt&signature=v1_gUtH%2Fs9YCJWgCizjfUxuWfhFE4QSydOWEIIvfLwDr6E", "read"),
        "invalid signature");
    assert_string_equal(refusal("path=hello.txt&username=user&signature=", "read"), "invalid signature");
    assert_string_equal(refusal("path=hello.txt&username=user", "read"), "missing signature query parameter");
    assert_string_equal(refusal("path=%zz&signature=x", "read"), "malformed query");
}

/* The query of a request that was signed until then, as a client makes it. */
static const char *signed_until(long long until)
{
    static char query[256];
    char seconds[24], signature[SIGNATURE_SIZE];
    struct signed_words words = {
        BYTES_LIT("/a b"), BYTES_LIT("write"), BYTES_LIT(""), bytes_of(TOKEN), {NULL, 0}};
    size_t n;

    snprintf(seconds, sizeof seconds, "%lld", until);
    words.expiration = bytes_of(seconds);
    sign(&words, signature);
    n = (size_t)snprintf(query, sizeof query, "path=%%2Fa+b&signature_expiration=%s&signature=", seconds);
    for (const char *p = signature; *p; p++)
        n += (size_t)snprintf(query + n, sizeof query - n, "%%%02x", (unsigned char)*p);
    return query;
}

static void it_may_expire(void **state)
{
    long long now = clock_wall().tv_sec;

    (void)state;
    assert_null(refusal(signed_until(now + 60), "write"));
    assert_string_equal(refusal(signed_until(now - 60), "write"), "signature is already expired");
    assert_string_equal(refusal("signature=x&signature_expiration=1e9", "write"),
                        "invalid format for parameter signature_expiration");
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    /* What was signed is asked first. */
    assert_string_equal(refusal("signature=x&signature_expiration=1", "write"), "invalid signature");
}

static void a_header_decides_alone(void **state)
{
    struct http_exchange x = {
        .query = BYTES_LIT(
            "path=hello.txt&username=user&signature=v1_gUtH%2Fs9YCJWgCizjfUxuWfhFE4QSydOWEIIvfLwDr6E")};

    (void)state;
    assert_int_equal(http_fields_add(&x.request, "x-access-token", BYTES_LIT("wrong")), 0);
    assert_int_equal(files_signature_check(&settings, &x, "read", &e), -1);
    assert_string_equal(e.text, "access token present in header but does not match");
    x.allowed = true; /* it was the right one, or none is needed */
    assert_int_equal(files_signature_check(&settings, &x, "read", &e), 0);
    http_fields_clear(&x.request);
}

static void without_a_token_nothing_can_be_signed(void **state)
{
    struct http_exchange x = {.query = BYTES_LIT("signature=v1_")};
    struct settings none = {.require_token = true};

    (void)state;
    assert_int_equal(files_signature_check(&none, &x, "read", &e), -1);
    assert_int_equal(e.status, STATUS_UNAUTHENTICATED);
    assert_non_null(strstr(e.text, "unauthorized access"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_the_clients),
        cmocka_unit_test(every_word_counts),
        cmocka_unit_test(it_may_expire),
        cmocka_unit_test(a_header_decides_alone),
        cmocka_unit_test(without_a_token_nothing_can_be_signed),
    };

    return RUN(tests);
}
