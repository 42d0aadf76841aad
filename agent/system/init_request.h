/* What a host says to POST /init. */
#ifndef SYSTEM_INIT_REQUEST_H
#define SYSTEM_INIT_REQUEST_H

#include "guest/volumes.h"
#include "rpc/codec/json.h"

/* Strings stay the JSON's; NULL: absent. */
struct init_request {
    json_t *json;
    json_t *vars;      /* an object of strings */
    json_t *volumes;   /* an array of at most VOLUMES_MAX, each as init_request_volume takes it */
    const char *token; /* neither empty nor with a backslash */
    bool has_timestamp;
    int64_t seconds;
    int32_t nanos;
    const char *user, *workdir;
    const char *hyperloop_ip, *lifecycle_id, *ca_bundle;
};

/* Parses the body; an empty one asks for nothing. Returns 0, or -1 with *e: invalid_argument, it is not what it should be. Either
 * way init_request_clear frees what was parsed. */
MUST_CHECK int init_request_parse(struct init_request *r, struct bytes body, struct err *e);

/* The n-th volume. Returns 0, or -1 with *e: invalid_argument. */
MUST_CHECK int init_request_volume(const struct init_request *r, size_t n, struct volume *v, struct err *e);

void init_request_clear(struct init_request *r);

#endif
