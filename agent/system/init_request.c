#include "system/init_request.h"

#include "core/clock.h"
#include "core/limits.h"

/* The string of that name; NULL when it is absent or null. Sets *bad when it is something else. */
static const char *string_of(json_t *json, const char *name, bool *bad)
{
    json_t *v = json_object_get(json, name);

    if (!v || json_is_null(v))
        return NULL;
    if (!json_is_string(v))
        *bad = true;
    return json_string_value(v);
}

static bool all_strings(json_t *object)
{
    const char *name;
    json_t *v;

    json_object_foreach(object, name, v) if (!json_is_string(v)) return false;
    return true;
}

static json_t *present(json_t *json, const char *name)
{
    json_t *v = json_object_get(json, name);

    return json_is_null(v) ? NULL : v;
}

int init_request_parse(struct init_request *r, struct bytes body, struct err *e)
{
    const char *timestamp;
    bool bad = false;

    *r = (struct init_request){0};
    if (body.len == 0)
        return 0;
    r->json = json_parse(body, 32 * (size_t)INIT_BODY_MAX, e);
    if (!r->json)
        return -1;
    err_set(e, STATUS_INVALID_ARGUMENT, 0, "malformed");
    r->vars = present(r->json, "envVars");
    r->volumes = present(r->json, "volumeMounts");
    if ((r->vars && (!json_is_object(r->vars) || !all_strings(r->vars))) ||
        (r->volumes && (!json_is_array(r->volumes) || json_array_size(r->volumes) > VOLUMES_MAX)))
        return -1;
    r->token = string_of(r->json, "accessToken", &bad);
    r->user = string_of(r->json, "defaultUser", &bad);
    r->workdir = string_of(r->json, "defaultWorkdir", &bad);
    r->hyperloop_ip = string_of(r->json, "hyperloopIP", &bad);
    r->lifecycle_id = string_of(r->json, "lifecycleID", &bad);
    r->ca_bundle = string_of(r->json, "caBundle", &bad);
    timestamp = string_of(r->json, "timestamp", &bad);
    if (timestamp) {
        r->has_timestamp = true;
        bad |= clock_parse_rfc3339(timestamp, strlen(timestamp), &r->seconds, &r->nanos) < 0;
    }
    if (r->token && (!*r->token || strchr(r->token, '\\')))
        bad = true;
    return bad ? -1 : 0;
}

int init_request_volume(const struct init_request *r, size_t n, struct volume *v, struct err *e)
{
    json_t *volume = json_array_get(r->volumes, n);
    bool bad = false;
    const char *target = string_of(volume, "nfs_target", &bad), *path = string_of(volume, "path", &bad);

    return volume_take(v, bytes_of(target), bytes_of(path), e);
}

void init_request_clear(struct init_request *r)
{
    json_decref(r->json);
    *r = (struct init_request){0};
}
