#include "system/mmds_data.h"

#include <sha2.h>
#include <stdio.h>

#include "guest/auth.h"
#include "rpc/codec/json.h"

static bool printable(const char *s)
{
    while (*s >= ' ' && *s <= '~')
        s++;
    return !*s;
}

/* The member of that name; absent and null are an empty one. */
static int take(json_t *json, const char *name, char out[MMDS_WORD_MAX], struct err *e)
{
    json_t *v = json_object_get(json, name);

    if (!v || json_is_null(v))
        return 0;
    if (!json_is_string(v) || json_string_length(v) >= MMDS_WORD_MAX || !printable(json_string_value(v)))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "metadata: %s is no short text", name);
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return 0;
}

int mmds_data_parse(struct bytes text, struct mmds_data *m, struct err *e)
{
    json_t *json = json_parse(text, 32 * (size_t)MMDS_MAX, e);
    int ret;

    *m = (struct mmds_data){0};
    if (!json)
        return err_wrap(e, "metadata");
    ret = take(json, "instanceID", m->instance_id, e);
    if (ret == 0)
        ret = take(json, "envID", m->template_id, e);
    if (ret == 0)
        ret = take(json, "address", m->logs_url, e);
    if (ret == 0)
        ret = take(json, "accessTokenHash", m->token_hash, e);
    json_decref(json);
    if (ret < 0)
        *m = (struct mmds_data){0};
    return ret;
}

bool mmds_data_allows(const struct mmds_data *m, const char *token)
{
    uint8_t digest[SHA512_DIGEST_LENGTH];
    char text[2 * sizeof digest + 1];
    struct bytes given = bytes_of(token);
    SHA2_CTX hash;

    if (!*m->token_hash)
        return false;
    SHA512Init(&hash);
    SHA512Update(&hash, (const uint8_t *)(given.ptr ? given.ptr : ""), given.len);
    SHA512Final(digest, &hash);
    explicit_bzero(&hash, sizeof hash); /* it has seen the token */
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return auth_token_equal(bytes_of(text), m->token_hash);
}
