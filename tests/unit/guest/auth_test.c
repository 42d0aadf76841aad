#include "guest/auth.h"

#include "test.h"

#define TOKEN(s)                                                                                             \
    {                                                                                                        \
        s, sizeof(s) - 1                                                                                     \
    }

/* The table of auth.h, a row each. */
static void the_table(void **state)
{
    static const struct {
        const char *token, *listener_token;
        bool require;
        struct auth_caller caller;
        unsigned flags;
        enum status want;
    } rows[] = {
        {NULL, NULL, false, {.transport = TRANSPORT_VSOCK, .cid = 2}, AUTH_HOST, STATUS_OK},
        {NULL, NULL, false, {.transport = TRANSPORT_VSOCK, .cid = 2}, 0, STATUS_OK},
        {NULL, NULL, false, {.transport = TRANSPORT_VSOCK, .cid = 3}, 0, STATUS_OK},
        {NULL, NULL, false, {.transport = TRANSPORT_VSOCK, .cid = 3}, AUTH_HOST, STATUS_PERMISSION_DENIED},
        {NULL,
         NULL,
         false,
         {.transport = TRANSPORT_VSOCK, .cid = 3},
         AUTH_HOST | AUTH_PUBLIC,
         STATUS_PERMISSION_DENIED},
        {"t", NULL, false, {.transport = TRANSPORT_VSOCK, .cid = 2}, 0, STATUS_UNAUTHENTICATED},
        {"t", NULL, false, {.transport = TRANSPORT_VSOCK, .cid = 2, .token = TOKEN("t")}, 0, STATUS_OK},
        {"t", NULL, false, {.transport = TRANSPORT_VSOCK, .cid = 2}, AUTH_PUBLIC, STATUS_OK},

        {NULL, NULL, false, {.transport = TRANSPORT_UNIX, .trusted_uid = true}, 0, STATUS_OK},
        {"t", NULL, false, {.transport = TRANSPORT_UNIX, .trusted_uid = true}, 0, STATUS_OK},
        {NULL, NULL, false, {.transport = TRANSPORT_UNIX}, 0, STATUS_UNAUTHENTICATED},
        {NULL, NULL, false, {.transport = TRANSPORT_UNIX}, AUTH_PUBLIC, STATUS_OK},
        {"t", NULL, false, {.transport = TRANSPORT_UNIX}, 0, STATUS_UNAUTHENTICATED},
        {"t", NULL, false, {.transport = TRANSPORT_UNIX, .token = TOKEN("t")}, 0, STATUS_OK},

        {NULL, NULL, false, {.transport = TRANSPORT_TCP}, 0, STATUS_OK},
        {NULL, NULL, false, {.transport = TRANSPORT_TCP}, AUTH_HOST, STATUS_OK},
        {"t", NULL, false, {.transport = TRANSPORT_TCP}, 0, STATUS_UNAUTHENTICATED},
        {"t", NULL, false, {.transport = TRANSPORT_TCP, .token = TOKEN("x")}, 0, STATUS_UNAUTHENTICATED},
        {"t", NULL, false, {.transport = TRANSPORT_TCP, .token = TOKEN("tt")}, 0, STATUS_UNAUTHENTICATED},
        {"t", NULL, false, {.transport = TRANSPORT_TCP, .token = TOKEN("")}, 0, STATUS_UNAUTHENTICATED},
        {"t", NULL, false, {.transport = TRANSPORT_TCP, .token = TOKEN("t")}, 0, STATUS_OK},
        {"t", NULL, false, {.transport = TRANSPORT_TCP}, AUTH_PUBLIC, STATUS_OK},

        {NULL, "l", false, {.transport = TRANSPORT_TCP}, 0, STATUS_UNAUTHENTICATED},
        {NULL, "l", false, {.transport = TRANSPORT_TCP, .token = TOKEN("l")}, 0, STATUS_OK},
        {"t", "l", false, {.transport = TRANSPORT_TCP, .token = TOKEN("t")}, 0, STATUS_OK},
        {"t", "l", false, {.transport = TRANSPORT_TCP, .token = TOKEN("l")}, 0, STATUS_OK},

        /* /init sets the token: it is no way in where there is another one already. */
        {NULL, NULL, false, {.transport = TRANSPORT_TCP}, AUTH_PUBLIC | AUTH_HOST, STATUS_OK},
        {NULL, "l", false, {.transport = TRANSPORT_TCP}, AUTH_PUBLIC, STATUS_OK},
        {NULL, "l", false, {.transport = TRANSPORT_TCP}, AUTH_PUBLIC | AUTH_HOST, STATUS_UNAUTHENTICATED},
        {NULL, "l", true, {.transport = TRANSPORT_TCP}, AUTH_PUBLIC | AUTH_HOST, STATUS_UNAUTHENTICATED},
        {NULL,
         "l",
         false,
         {.transport = TRANSPORT_TCP, .token = TOKEN("l")},
         AUTH_PUBLIC | AUTH_HOST,
         STATUS_OK},
        {"t",
         "l",
         false,
         {.transport = TRANSPORT_TCP, .token = TOKEN("t")},
         AUTH_PUBLIC | AUTH_HOST,
         STATUS_OK},
        {NULL, NULL, false, {.transport = TRANSPORT_UNIX}, AUTH_PUBLIC | AUTH_HOST, STATUS_UNAUTHENTICATED},
        {NULL, NULL, true, {.transport = TRANSPORT_UNIX}, AUTH_PUBLIC | AUTH_HOST, STATUS_UNAUTHENTICATED},
        {"t",
         NULL,
         false,
         {.transport = TRANSPORT_UNIX, .token = TOKEN("t")},
         AUTH_PUBLIC | AUTH_HOST,
         STATUS_OK},
        {NULL,
         NULL,
         true,
         {.transport = TRANSPORT_UNIX, .trusted_uid = true},
         AUTH_PUBLIC | AUTH_HOST,
         STATUS_OK},

        {NULL, NULL, true, {.transport = TRANSPORT_TCP}, 0, STATUS_UNAUTHENTICATED},
        {NULL, NULL, true, {.transport = TRANSPORT_VSOCK, .cid = 2}, 0, STATUS_UNAUTHENTICATED},
        {NULL, NULL, true, {.transport = TRANSPORT_VSOCK, .cid = 2}, AUTH_PUBLIC | AUTH_HOST, STATUS_OK},
        {"t", NULL, true, {.transport = TRANSPORT_TCP, .token = TOKEN("t")}, 0, STATUS_OK},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct settings s = {.token = (char *)(uintptr_t)rows[i].token, .require_token = rows[i].require};
        struct auth_caller c = rows[i].caller;
        struct err e = {.status = STATUS_OK};
        int ret;

        c.listener_token = rows[i].listener_token;
        ret = auth_check(&s, &c, rows[i].flags, &e);
        if (e.status != rows[i].want || ret != (rows[i].want == STATUS_OK ? 0 : -1))
            fail_msg("row %zu: %s", i, e.text);
    }
}

static void basic(void **state)
{
    static const struct {
        const char *value, *user;
        bool malformed;
    } cases[] = {
        {"Basic dXNlcjo=", "user", false},
        {"basic dXNlcjpwYXNz", "user", false},
        {"Basic  dXNlcjo", "user", false},
        {"Bearer dXNlcjo=", NULL, false},
        {"", NULL, false},
        {"Basic", NULL, false},
        {"Basic Og==", NULL, false},
        {"Basic dXNlcg==", NULL, true},
        {"Basic %%%", NULL, true},
        {"Basic AHg6", NULL, true},
        {"Basic /zo=", NULL, true},
        {"Basic ", NULL, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool malformed;
        char *user = auth_basic_user(bytes_of(cases[i].value), &malformed);

        if (malformed != cases[i].malformed || !user != !cases[i].user ||
            (user && strcmp(user, cases[i].user) != 0))
            fail_msg("case %zu: %s", i, user ? user : "NULL");
        free(user);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(basic),
    };

    return RUN(tests);
}
