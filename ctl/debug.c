/* debug: one file with what somebody needs to know who is to say what is wrong with a guest, and no secrets. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/limits.h"
#include "ctl/bundle.h"
#include "ctl/checkup.h"
#include "ctl/scrub.h"
#include "ctl/temp.h"
#include "ctl/verbs.h"
#include "guest/v1/agent.pb-c.h"
#include "process/process.pb-c.h"

/* For each part, and for all: a guest that is in trouble may answer some and hang in others. */
#define PART_MS 5000
#define ALL_MS  15000

struct debug {
    const struct ctl *ctl;
    struct client client;
    uint64_t until_ms;  /* of all, on the monotonic clock */
    struct arena arena; /* of the part under way */
    struct bundle bundle;
    struct buffer missing; /* a line for each part that could not be had */
};

/* --- the parts ------------------------------------------------------------------------------- */

/* When the part under way is given up. */
static uint64_t deadline(const struct debug *d)
{
    return MIN(clock_mono_ms() + PART_MS, d->until_ms);
}

static int copy(const struct chain *text, struct buffer *out)
{
    CHAIN_FOREACH (it, text)
        if (buffer_add(out, it->data, it->len) < 0)
            return -1;
    return 0;
}

/* Calls a method. Returns its answer, or NULL with *e. */
static ProtobufCMessage *ask(struct debug *d, const char *method, const ProtobufCMessage *m,
                             const ProtobufCMessageDescriptor *answers, struct answer_error *e)
{
    ProtobufCMessage *answer;

    return client_call_by(&d->client, d->ctl, deadline(d), method, m, answers, &d->arena, &answer, e) < 0
               ? NULL
               : answer;
}

/* Writes the message as JSON. NULL is the answer that there was none, with *e. */
static int put_json(const ProtobufCMessage *m, struct buffer *out, struct answer_error *e)
{
    struct chain text = {0};
    int ret;

    if (!m)
        return -1;
    ret = codec_encode(CODEC_JSON, m, NULL, NULL, &text, &e->err);
    if (ret == 0 && (copy(&text, out) < 0 || buffer_add(out, "\n", 1) < 0))
        ret = err_nomem(&e->err, "keep the answer");
    chain_clear(&text);
    return ret;
}

static int take_manifest(struct debug *d, struct buffer *out, struct answer_error *e)
{
    struct chain text = {0};
    char now[40];
    struct writer w;
    int ret;

    clock_rfc3339(clock_wall().tv_sec, 0, now);
    writer_init(&w, &text, NULL, SIZE_MAX);
    writer_printf(&w, "{\"guestctl\":\"%s\",\"taken\":\"%s\",\"target\":", GUESTD_VERSION, now);
    writer_json_string(&w, bytes_of(d->ctl->target.text));
    writer_printf(&w, ",\"uid\":%u}\n", (unsigned)geteuid());
    ret = writer_done(&w) < 0 || copy(&text, out) < 0 ? err_nomem(&e->err, "write the manifest") : 0;
    chain_clear(&text);
    return ret;
}

static int take_checkup(struct debug *d, struct buffer *out, struct answer_error *e)
{
    static struct checkup k;
    struct chain text = {0};
    struct writer w;
    int ret;

    k = (struct checkup){.ctl = d->ctl, .patience_ms = PART_MS, .skew_ms = CHECKUP_SKEW_MS};
    checkup_run(&k);
    writer_init(&w, &text, NULL, SIZE_MAX);
    checkup_write(&k, &w);
    ret = writer_done(&w) < 0 || copy(&text, out) < 0 ? err_nomem(&e->err, "write the checkup") : 0;
    chain_clear(&text);
    return ret;
}

/* With the limits. */
static int take_info(struct debug *d, struct buffer *out, struct answer_error *e)
{
    Guest__V1__GetInfoRequest m = GUEST__V1__GET_INFO_REQUEST__INIT;

    return put_json(ask(d, "guest.v1.Agent/GetInfo", &m.base, &guest__v1__get_info_response__descriptor, e),
                    out, e);
}

static int take_boot(struct debug *d, struct buffer *out, struct answer_error *e)
{
    Guest__V1__GetBootRequest m = GUEST__V1__GET_BOOT_REQUEST__INIT;

    return put_json(ask(d, "guest.v1.Agent/GetBoot", &m.base, &guest__v1__get_boot_response__descriptor, e),
                    out, e);
}

/* The oldest thousand: what is wrong with them is wrong with the others. */
static int take_connections(struct debug *d, struct buffer *out, struct answer_error *e)
{
    Guest__V1__ListConnectionsRequest m = GUEST__V1__LIST_CONNECTIONS_REQUEST__INIT;

    return put_json(ask(d, "guest.v1.Agent/ListConnections", &m.base,
                        &guest__v1__list_connections_response__descriptor, e),
                    out, e);
}

/* Arguments and values of variables may be anything. */
static void hide_secrets(const Process__ListResponse *r)
{
    for (size_t i = 0; i < r->n_processes; i++) {
        Process__ProcessConfig *c = r->processes[i]->config;

        for (size_t k = 0; c && k < c->n_args; k++)
            c->args[k] = (char *)(uintptr_t)SCRUB_MARK;
        for (size_t k = 0; c && k < c->n_envs; k++)
            c->envs[k]->value = (char *)(uintptr_t)SCRUB_MARK;
    }
}

static int take_processes(struct debug *d, struct buffer *out, struct answer_error *e)
{
    Process__ListRequest m = PROCESS__LIST_REQUEST__INIT;
    ProtobufCMessage *answer;

    m.ids = true;
    answer = ask(d, "process.Process/List", &m.base, &process__list_response__descriptor, e);
    if (answer)
        hide_secrets((const Process__ListResponse *)answer);
    return put_json(answer, out, e);
}

static int take_metrics(struct debug *d, struct buffer *out, struct answer_error *e)
{
    int status = client_get_by(&d->client, d->ctl, deadline(d), "/metrics", &e->err);
    struct bytes body;

    if (status < 0)
        return -1;
    if (status != 200)
        return err_set(&e->err, STATUS_UNKNOWN, 0, "/metrics answered %d", status);
    body = buffer_bytes(&d->client.wire.in);
    return buffer_add(out, body.ptr, body.len) < 0 ? err_nomem(&e->err, "keep the metrics") : 0;
}

static int take_log(struct debug *d, struct buffer *out, struct answer_error *e)
{
    Guest__V1__GetLogRequest m = GUEST__V1__GET_LOG_REQUEST__INIT;
    const Guest__V1__GetLogResponse *r = (const Guest__V1__GetLogResponse *)ask(
        d, "guest.v1.Agent/GetLog", &m.base, &guest__v1__get_log_response__descriptor, e);

    if (!r)
        return -1;
    return buffer_add(out, r->text, strlen(r->text)) < 0 ? err_nomem(&e->err, "keep the log") : 0;
}

static const struct part {
    const char *name;
    int (*take)(struct debug *d, struct buffer *out, struct answer_error *e);
} parts[] = {
    {"manifest.json", take_manifest},
    {"doctor.json", take_checkup},
    {"info.json", take_info},
    {"boot.json", take_boot},
    {"connections.json", take_connections},
    {"processes.json", take_processes},
    {"metrics.json", take_metrics},
    {"log.txt", take_log},
};

/* --- the bundle ------------------------------------------------------------------------------ */

/* Remembers that a part is missing, and says so. */
static void miss(struct debug *d, const char *name, const char *why)
{
    char line[ERR_TEXT_MAX + 64];
    int n = snprintf(line, sizeof line, "%s: %s\n", name, why);

    ctl_say(CTL_REFUSED, "debug: without %s: %s", name, why);
    (void)!buffer_add(&d->missing, line, MIN((size_t)n, sizeof line - 1));
}

/* Adds text without its secrets; the name has an ending. Returns 0, or -1 with *e. */
static int add(struct debug *d, const char *name, struct bytes text, struct err *e)
{
    struct buffer clean = {0};
    const char *end = strrchr(name, '.');
    int ret = strcmp(end, ".json") == 0 ? scrub_json(text, d->ctl->token, &clean)
                                        : scrub(text, d->ctl->token, &clean);

    ret = ret < 0 ? err_nomem(e, "take the secrets out")
                  : bundle_add(&d->bundle, name, buffer_bytes(&clean), e);
    buffer_clear(&clean);
    return ret;
}

static void take(struct debug *d, const struct part *p)
{
    struct buffer text = {0};
    struct answer_error e = {.from_agent = false};

    if (p->take(d, &text, &e) < 0 || add(d, p->name, buffer_bytes(&text), &e.err) < 0)
        miss(d, p->name, e.err.text);
    arena_clear(&d->arena);
    buffer_clear(&text);
}

/* Collects everything into the descriptor, which it takes over. Returns an exit code: CTL_REFUSED when something is missing. */
static int collect(const struct ctl *ctl, int fd, const char *directory)
{
    struct debug d = {.ctl = ctl, .until_ms = clock_mono_ms() + ALL_MS, .arena = {.max = DECODE_MAX}};
    struct err e;
    int ret = bundle_open(&d.bundle, fd, directory, clock_wall().tv_sec, &e);
    bool whole;

    if (ret < 0)
        return ctl_fail(CTL_FAILED, &e);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        take(&d, &parts[i]);
    whole = buffer_len(&d.missing) == 0;
    if (!whole)
        ret = add(&d, "missing.txt", buffer_bytes(&d.missing), &e);
    client_close(&d.client);
    buffer_clear(&d.missing);
    if (bundle_close(&d.bundle, &e) < 0 || ret < 0)
        return ctl_fail(CTL_FAILED, &e);
    return whole ? CTL_OK : CTL_REFUSED;
}

/* Writes the bundle to the path, which it has when it is complete. */
static int collect_to(const struct ctl *ctl, const char *path, const char *directory)
{
    int temp, fd = temp_make(path, &temp), code;

    if (fd < 0)
        return ctl_say(CTL_FAILED, "debug: '%s': %s", path, errno_text(errno));
    code = collect(ctl, fd, directory);
    if (code == CTL_FAILED) {
        temp_remove(temp);
        return code;
    }
    if (rename(temp_name(temp), path) < 0) {
        code = ctl_say(CTL_FAILED, "debug: '%s': %s", path, errno_text(errno));
        temp_remove(temp);
        return code;
    }
    temp_forget(temp);
    puts(path);
    return code;
}

int verb_debug(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct options o = ctl_options(v, argc, argv);
    char now[40], directory[64], path[80];
    const char *value, *to = path;
    struct err e;
    int id;

    while ((id = options_next(&o, &value, &e)) > 0)
        to = value;
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e);
    if (o.at < argc)
        return ctl_usage(v, CTL_USAGE, "too many operands");
    clock_rfc3339(clock_wall().tv_sec, 0, now);
    for (char *p;
         (p = strchr(now, ':'));) /* of a name with colons tar thinks that it is on another machine */
        memmove(p, p + 1, strlen(p));
    snprintf(directory, sizeof directory, "guestd-debug-%s", now);
    snprintf(path, sizeof path, "%s.tar.gz", directory);
    if (strcmp(to, "-") != 0)
        return collect_to(c, to, directory);
    if (isatty(STDOUT_FILENO))
        return ctl_usage(v, CTL_USAGE, "standard output is a terminal");
    return collect(c, dup(STDOUT_FILENO), directory);
}
