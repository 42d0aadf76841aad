#include "ctl/checkup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/limits.h"
#include "ctl/semver.h"
#include "guest/v1/agent.pb-c.h"

static const char *const names[] = {
    [CHECKUP_SOCKET] = "socket",   [CHECKUP_HANDSHAKE] = "handshake", [CHECKUP_PROTOCOL] = "protocol",
    [CHECKUP_TOKEN] = "token",     [CHECKUP_VERSION] = "version",     [CHECKUP_CLOCK] = "clock",
    [CHECKUP_CGROUPS] = "cgroups",
};

static const char *const verdicts[] = {
    [CHECKUP_SKIPPED] = "skipped",
    [CHECKUP_OK] = "ok",
    [CHECKUP_NOTE] = "note",
    [CHECKUP_BAD] = "bad",
};

const char *checkup_name(enum checkup_kind kind)
{
    return names[kind];
}

const char *checkup_verdict(enum checkup_verdict verdict)
{
    return verdicts[verdict];
}

/* Notes what was found. Returns whether one can go on. */
static bool PRINTF_LIKE(4, 5)
    find(struct checkup *k, enum checkup_kind kind, enum checkup_verdict verdict, const char *fmt, ...)
{
    struct finding *f = &k->findings[kind];
    va_list ap;

    f->verdict = verdict;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    for (char *p = f->text; *p; p++) /* it may come from the guest, and go to a terminal */
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    return verdict != CHECKUP_BAD;
}

/* --- socket and handshake -------------------------------------------------------------------- */

/* Dials as every verb does, and tells the two halves apart. Returns the connected socket, or -1. */
static int look_at_socket(struct checkup *k)
{
    const struct target *t = &k->ctl->target;
    uint64_t began = clock_mono_ns();
    struct target_dialing d;
    struct err e;
    int ret;

    target_begin(&d, t);
    while ((ret = target_go_on(&d, &e)) == 0) {
        struct pollfd p = {.fd = d.fd, .events = d.events};
        uint64_t now = clock_mono_ms();

        poll(&p, 1, now < d.wake_ms ? (int)(d.wake_ms - now) : 0);
    }
    if (ret < 0 && d.state != TARGET_ASKED) {
        find(k, CHECKUP_SOCKET, CHECKUP_BAD, "%s", e.text);
        return -1;
    }
    find(k, CHECKUP_SOCKET, CHECKUP_OK, "connected to %s in %.1f ms", t->text,
         (double)(clock_mono_ns() - began) / 1e6);
    if (ret < 0) {
        find(k, CHECKUP_HANDSHAKE, CHECKUP_BAD, "%s", e.text);
        return -1;
    }
    if (t->hybrid)
        find(k, CHECKUP_HANDSHAKE, CHECKUP_OK, "the VMM answers %.*s", (int)strcspn(d.line, "\r\n"), d.line);
    else
        find(k, CHECKUP_HANDSHAKE, CHECKUP_SKIPPED, "only the socket of a VMM has one (hybrid:PATH)");
    return d.fd;
}

/* --- protocol and token ---------------------------------------------------------------------- */

/* A failure of our own: nobody answers in time, or what the client says. */
static const char *failure(const struct checkup *k, struct err *e)
{
    if (e->status == STATUS_DEADLINE_EXCEEDED)
        err_set(e, e->status, 0, "connected, but no answer within %.1f s: not an agent, or one that hangs",
                (double)k->patience_ms / 1000);
    return e->text;
}

/* Takes over the socket. Returns whether an agent speaks there. */
static bool look_at_health(struct checkup *k, struct client *c, int fd)
{
    const char *http = k->ctl->protocol == CALL_GRPC ? "HTTP/2" : "HTTP/1.1";
    struct err e;
    int status;

    *c = (struct client){.ctl = k->ctl, .wire = {.fd = -1}, .used_ms = clock_mono_ms()};
    if (wire_open(&c->wire, fd, k->ctl->protocol == CALL_GRPC ? WIRE_HTTP2 : WIRE_HTTP1, k->ctl->target.text,
                  &e) < 0 ||
        (status = client_get_by(c, k->ctl, clock_mono_ms() + k->patience_ms, "/health", &e)) < 0)
        return find(k, CHECKUP_PROTOCOL, CHECKUP_BAD, "%s", failure(k, &e));
    if (status != 204 && status != 200)
        return find(k, CHECKUP_PROTOCOL, CHECKUP_BAD,
                    "it speaks HTTP, but is no agent: GET /health is answered with %d", status);
    return find(k, CHECKUP_PROTOCOL, CHECKUP_OK, "an agent answers over %s", http);
}

/* What GetInfo's failure says: of the token, or of who answers. */
static bool info_failed(struct checkup *k, const struct client *c, struct answer_error *e)
{
    if (e->from_agent && e->err.status == STATUS_UNAUTHENTICATED)
        return find(k, CHECKUP_TOKEN, CHECKUP_BAD, "%s",
                    k->ctl->token ? "the token is wrong"
                                  : "the agent wants a token (GUESTD_TOKEN, --token-file)");
    if (e->from_agent && e->err.status == STATUS_PERMISSION_DENIED)
        return find(k, CHECKUP_TOKEN, CHECKUP_BAD, "we may not call: %s", e->err.text);
    if (e->from_agent && (e->err.status == STATUS_UNIMPLEMENTED || c->wire.status == 404))
        return find(k, CHECKUP_PROTOCOL, CHECKUP_BAD,
                    "an agent, but not guestd: it does not know guest.v1.Agent/GetInfo (envd?)");
    return find(k, CHECKUP_PROTOCOL, CHECKUP_BAD, "an agent, but GetInfo fails: %s", failure(k, &e->err));
}

/* --- what the agent says of itself ----------------------------------------------------------- */

static void look_at_version(struct checkup *k, const char *theirs)
{
    struct semver own, its;

    if (semver_parse(GUESTD_VERSION, &own) < 0 || semver_parse(theirs, &its) < 0)
        find(k, CHECKUP_VERSION, CHECKUP_BAD, "the agent's version '%s' is not of the form 1.2.3", theirs);
    else if (own.major != its.major)
        find(k, CHECKUP_VERSION, CHECKUP_BAD, "the agent is %s, guestctl %s: another major version", theirs,
             GUESTD_VERSION);
    else if (semver_compare(&its, &own) != 0)
        find(k, CHECKUP_VERSION, CHECKUP_NOTE, "the agent is %s, %s than guestctl %s", theirs,
             semver_compare(&its, &own) < 0 ? "older" : "newer", GUESTD_VERSION);
    else
        find(k, CHECKUP_VERSION, CHECKUP_OK, "the agent and guestctl are %s", theirs);
}

/* The guest's clock was read between the two times of ours, `rtt_ns` apart: how far it is ahead is known to half of that. */
static void look_at_clock(struct checkup *k, const Google__Protobuf__Timestamp *guest, struct timespec before,
                          uint64_t rtt_ns)
{
    double half_ms = (double)rtt_ns / 2e6, ahead_ms, off_ms;

    if (!guest) {
        find(k, CHECKUP_CLOCK, CHECKUP_SKIPPED, "this agent does not tell its clock");
        return;
    }
    ahead_ms = (double)(guest->seconds - before.tv_sec) * 1e3 +
               (double)(guest->nanos - before.tv_nsec) / 1e6 - half_ms;
    off_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
    find(k, CHECKUP_CLOCK, off_ms - half_ms > (double)k->skew_ms ? CHECKUP_BAD : CHECKUP_OK,
         "the guest's is %.1f ms %s (known to %.1f ms; %" PRIu64 " ms are allowed)", off_ms,
         ahead_ms < 0 ? "behind" : "ahead", half_ms, k->skew_ms);
}

static void look_at_cgroups(struct checkup *k, const char *root, const char *problem)
{
    if (*root)
        find(k, CHECKUP_CGROUPS, CHECKUP_OK, "each process gets one below %s", root);
    else if (strcmp(problem, "turned off") == 0)
        find(k, CHECKUP_CGROUPS, CHECKUP_NOTE, "turned off (--no-cgroups): a process's tree is its session");
    else
        find(k, CHECKUP_CGROUPS, CHECKUP_BAD, "none: %s; a process's tree is its session",
             *problem ? problem : "the agent does not say why");
}

static void look_at_info(struct checkup *k, struct client *c)
{
    struct arena arena = {.max = DECODE_MAX};
    Guest__V1__GetInfoRequest m = GUEST__V1__GET_INFO_REQUEST__INIT;
    ProtobufCMessage *answer;
    struct timespec before = clock_wall();
    uint64_t began = clock_mono_ns();
    struct answer_error e;

    if (client_call_by(c, k->ctl, clock_mono_ms() + k->patience_ms, "guest.v1.Agent/GetInfo", &m.base,
                       &guest__v1__get_info_response__descriptor, &arena, &answer, &e) < 0) {
        info_failed(k, c, &e);
    } else {
        const Guest__V1__GetInfoResponse *info = (const Guest__V1__GetInfoResponse *)answer;
        uint64_t took = clock_mono_ns() - began;

        find(k, CHECKUP_PROTOCOL, CHECKUP_OK, "guestd answers over %s",
             k->ctl->protocol == CALL_GRPC ? "gRPC and HTTP/2" : "Connect and HTTP/1.1");
        find(k, CHECKUP_TOKEN, CHECKUP_OK, k->ctl->token ? "we may call, with the token" : "none is needed");
        look_at_version(k, info->version);
        look_at_clock(k, info->now, before, took);
        look_at_cgroups(k, info->cgroup_root, info->cgroup_problem);
    }
    arena_clear(&arena);
}

/* --- all of it ------------------------------------------------------------------------------- */

void checkup_run(struct checkup *k)
{
    struct client client = {.ctl = NULL};
    int fd;

    for (int i = 0; i < CHECKUP_KINDS; i++)
        find(k, (enum checkup_kind)i, CHECKUP_SKIPPED, "cannot be told");
    fd = look_at_socket(k);
    if (fd >= 0 && look_at_health(k, &client, fd))
        look_at_info(k, &client);
    client_close(&client);
}

int checkup_code(const struct checkup *k)
{
    for (int i = 0; i < CHECKUP_KINDS; i++)
        if (k->findings[i].verdict == CHECKUP_BAD)
            return CHECKUP_CODE + i;
    return CTL_OK;
}

void checkup_write(const struct checkup *k, struct writer *w)
{
    writer_str(w, "{\"target\":");
    writer_json_string(w, bytes_of(k->ctl->target.text));
    writer_str(w, ",\"checks\":[");
    for (int i = 0; i < CHECKUP_KINDS; i++) {
        const struct finding *f = &k->findings[i];

        writer_printf(w, "%s{\"check\":\"%s\",\"verdict\":\"%s\",\"text\":", i ? "," : "", names[i],
                      verdicts[f->verdict]);
        writer_json_string(w, bytes_of(f->text));
        writer_char(w, '}');
    }
    writer_printf(w, "],\"exit_code\":%d}\n", checkup_code(k));
}
