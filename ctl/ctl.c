#include "ctl/ctl.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/build.h"
#include "core/fd.h"
#include "ctl/git.h"
#include "rpc/codec/codec.h"

enum { TARGET = 1, WAIT, TOKEN_FILE, PROTOCOL, JSON, HELP, VERSION };

const struct option global_options[] = {
    {TARGET, "target", 't', "TARGET", "where the agent is (default $GUESTD_HOST, else unix:/run/guestd.sock)",
     false},
    {WAIT, "wait", 0, "DURATION", "try to connect for so long, while the guest boots", false},
    {TOKEN_FILE, "token-file", 0, "FILE", "show the token in FILE (or in $GUESTD_TOKEN)", false},
    {PROTOCOL, "protocol", 0, "connect|grpc",
     "how to speak to it: Connect over HTTP/1.1 (default), gRPC over HTTP/2", false},
    {JSON, "json", 0, NULL, "print JSON", false},
    {HELP, "help", 'h', NULL, "print this, and exit", false},
    {VERSION, "version", 0, NULL, "print the version, and exit", false},
};
const size_t global_option_count = ARRAY_LEN(global_options);

int ctl_say(int code, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++) /* it may come from the guest, and go to a terminal */
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    fprintf(stderr, "guestctl: %s\n", text);
    return code;
}

int ctl_fail(int code, const struct err *e)
{
    return ctl_say(code, "%s", e->text);
}

int ctl_print(struct chain *text, int made)
{
    if (made >= 0)
        CHAIN_FOREACH (it, text)
            fwrite(it->data, 1, it->len, stdout);
    chain_clear(text);
    return made;
}

int ctl_usage(const struct verb *v, int code, const char *why)
{
    return ctl_say(code, "%s: %s (guestctl %s%s %s)", v->name, why, v->name,
                   v->option_count ? " [OPTIONS]" : "", v->operands);
}

int ctl_duration(const char *text, uint64_t *ms, struct err *e)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *end = NULL;
    double v = *text >= '0' && *text <= '9' ? strtod(text, &end) : 0;

    for (size_t i = 0; end && i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].unit) == 0 && v * units[i].ms <= 9999999999.) {
            *ms = (uint64_t)(v * units[i].ms + 0.5);
            return 0;
        }
    }
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is not a duration (10s, 500ms, 2m, 1h)", text);
}

struct options ctl_options(const struct verb *v, int argc, char **argv)
{
    return (struct options){.table = v->options, .count = v->option_count, .argc = argc, .argv = argv};
}

/* The verbs of git, one to a line. */
static void git_verbs_help(void)
{
    for (size_t i = 0; i < git_row_count; i++) {
        const struct verb *v = &git_rows[i].verb;
        char left[64];

        snprintf(left, sizeof left, "%s %s", v->name, v->operands);
        printf("%s  %-34s %s\n", i == 0 ? "\n" : "", left, v->summary);
    }
}

static void help(void)
{
    puts("guestctl [OPTIONS] VERB: call the agent of a guest\n");
    options_help(global_options, global_option_count, stdout);
    puts("\nVerbs (guestctl VERB --help):");
    for (size_t i = 0; i < verb_count; i++) {
        char left[64];

        snprintf(left, sizeof left, "%s %s", verbs[i].name, verbs[i].operands);
        printf("  %-28s %s\n", left, verbs[i].summary);
    }
    puts("\nTargets: hybrid:PATH[:PORT] (Firecracker, Cloud Hypervisor), vsock:CID[:PORT], unix:PATH, "
         "tcp:HOST:PORT.\n"
         "guestctl(1) says more.");
}

void ctl_verb_help(const struct verb *v)
{
    printf("guestctl %s%s%s%s: %s\n", v->name, v->option_count ? " [OPTIONS]" : "", *v->operands ? " " : "",
           v->operands, v->summary);
    if (v->option_count) {
        putchar('\n');
        options_help(v->options, v->option_count, stdout);
    }
    if (v->text)
        printf("\n%s\n", v->text);
    if (v->run == verb_git)
        git_verbs_help();
}

static int read_token(struct ctl *c, const char *path, struct err *e)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? RETRY_EINTR(read(fd, c->token_text, sizeof c->token_text - 1)) : -1;

    if (n < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, errno, "token file '%s'", path);
    c->token_text[n] = 0;
    c->token_text[strcspn(c->token_text, "\r\n")] = 0;
    c->token = c->token_text;
    return 0;
}

int ctl_run(int argc, char **argv)
{
    struct ctl c = {.token = getenv("GUESTD_TOKEN")};
    struct options o = {
        .table = global_options, .count = global_option_count, .argc = argc, .argv = argv, .at = 1};
    const char *value, *target = NULL;
    uint64_t wait_ms = 0;
    struct err e;
    int id;

    while ((id = options_next(&o, &value, &e)) > 0) {
        switch (id) {
        case TARGET:
            target = value;
            break;
        case WAIT:
            if (ctl_duration(value, &wait_ms, &e) < 0)
                return ctl_fail(CTL_FAILED, &e);
            break;
        case TOKEN_FILE:
            if (read_token(&c, value, &e) < 0)
                return ctl_fail(CTL_FAILED, &e);
            break;
        case PROTOCOL:
            if (strcmp(value, "connect") != 0 && strcmp(value, "grpc") != 0)
                return ctl_say(CTL_FAILED, "'%s' is neither connect nor grpc", value);
            c.protocol = strcmp(value, "grpc") == 0 ? CALL_GRPC : CALL_CONNECT;
            break;
        case JSON:
            c.json = true;
            break;
        case HELP:
            help();
            return CTL_OK;
        case VERSION:
            build_print(stdout, "guestctl");
            puts("protocols connect grpc");
            return CTL_OK;
        }
    }
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_FAILED, &e);
    if (o.at >= argc)
        return ctl_say(CTL_FAILED, "no verb is given (guestctl --help)");
    if (c.token && strpbrk(c.token, "\r\n"))
        return ctl_say(CTL_FAILED, "the token holds a line break");
    for (size_t i = 0; i < verb_count; i++) {
        const struct verb *v = &verbs[i];

        if (strcmp(argv[o.at], v->name) != 0)
            continue;
        if (o.at + 1 < argc && (strcmp(argv[o.at + 1], "--help") == 0 || strcmp(argv[o.at + 1], "-h") == 0)) {
            ctl_verb_help(v);
            return CTL_OK;
        }
        if (target_parse(&c.target, target, &e) < 0)
            return ctl_fail(CTL_FAILED, &e);
        c.target.wait_ms = wait_ms;
        codec_init();
        return v->run(&c, v, argc - o.at - 1, argv + o.at + 1);
    }
    return ctl_say(CTL_FAILED, "there is no verb '%s' (guestctl --help)", argv[o.at]);
}
