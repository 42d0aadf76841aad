#include "core/clock.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "rpc/codec/json.h"

/* https://protobuf.dev/programming-guides/json/: messages whose JSON is not an object of their fields. */

static int timestamp_decode(json_t *j, ProtobufCMessage *m, struct arena *a, struct err *e)
{
    Google__Protobuf__Timestamp *t = (Google__Protobuf__Timestamp *)m;

    (void)a;
    if (!json_is_string(j) ||
        clock_parse_rfc3339(json_string_value(j), json_string_length(j), &t->seconds, &t->nanos) < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "google.protobuf.Timestamp: not an RFC 3339 time");
    return 0;
}

static void timestamp_encode(struct writer *w, const ProtobufCMessage *m)
{
    const Google__Protobuf__Timestamp *t = (const Google__Protobuf__Timestamp *)m;
    char text[40];
    int n = clock_rfc3339(t->seconds, t->nanos, text);

    writer_char(w, '"');
    writer_put(w, text, (size_t)n);
    writer_char(w, '"');
}

static const struct well_known all[] = {
    {"google.protobuf.Timestamp", timestamp_decode, timestamp_encode},
};

const struct well_known *well_known_find(const ProtobufCMessageDescriptor *d)
{
    if (strncmp(d->name, "google.protobuf.", 16) != 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (strcmp(d->name, all[i].name) == 0)
            return &all[i];
    return NULL;
}
