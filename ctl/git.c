/* git: calls of guest.v1.Git. */
#include "ctl/git.h"

#include <stdio.h>
#include <unistd.h>

#include "core/limits.h"
#include "ctl/git_fields.h"
#include "ctl/git_progress.h"
#include "ctl/git_secrets.h"

#define PAGE_MAX  1000       /* entries that a page is asked for */
#define INPUT_MAX (15 * MIB) /* of a message, with the rest of it */

struct git_call {
    struct git_request *request;
    struct client client;
    struct git_progress_line progress;
    struct arena answers; /* the one being shown */
    int code;             /* to exit with */
    uint64_t shown;       /* entries */
};

/* --- answers --------------------------------------------------------------------------------- */

static int print_json(const ProtobufCMessage *m, struct err *e)
{
    struct chain text = {0};

    return ctl_print(&text, codec_encode(CODEC_JSON, m, NULL, NULL, &text, e));
}

/* The progress that a message of a stream is; NULL: it is something else. */
static const Guest__V1__GitProgress *progress_of(const ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "progress");

    if (!f || *(const uint32_t *)((const char *)m + f->quantifier_offset) != f->id)
        return NULL;
    return *(Guest__V1__GitProgress *const *)((const char *)m + f->offset);
}

static void show_run(struct git_call *c, const Guest__V1__RunGitResponse *r)
{
    switch (r->message_case) {
    case GUEST__V1__RUN_GIT_RESPONSE__MESSAGE_STDOUT:
        fwrite(r->stdout.data, 1, r->stdout.len, stdout);
        break;
    case GUEST__V1__RUN_GIT_RESPONSE__MESSAGE_STDERR:
        fflush(stdout);
        fwrite(r->stderr.data, 1, r->stderr.len, stderr);
        break;
    default:
        c->code = r->result && r->result->exit_code >= 0 ? r->result->exit_code : 128;
    }
}

/* Entries of an answer that is a list. */
static size_t count_of(const ProtobufCMessage *m)
{
    for (unsigned i = 0; i < m->descriptor->n_fields; i++)
        if (m->descriptor->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
            return *(const size_t *)((const char *)m + m->descriptor->fields[i].quantifier_offset);
    return 0;
}

static int show(struct git_call *c, const ProtobufCMessage *m, struct err *e)
{
    const struct git_row *row = c->request->row;
    const Guest__V1__GitProgress *progress = progress_of(m);
    bool run = m->descriptor == &guest__v1__run_git_response__descriptor;
    int ret = 0;

    c->shown += count_of(m);
    if (c->request->ctl->json) {
        ret = print_json(m, e);
        putchar('\n');
        if (run && ((const Guest__V1__RunGitResponse *)m)->message_case ==
                       GUEST__V1__RUN_GIT_RESPONSE__MESSAGE_RESULT)
            show_run(c, (const Guest__V1__RunGitResponse *)m);
    } else if (progress) {
        git_progress_show(&c->progress, progress);
    } else if (run) {
        show_run(c, (const Guest__V1__RunGitResponse *)m);
    } else {
        git_progress_clear(&c->progress);
        if (row->show)
            row->show(m);
    }
    fflush(stdout);
    return ret;
}

/* --- failures -------------------------------------------------------------------------------- */

/* What git said, above the error that names the cause; one line is the error itself. */
static void show_stderr(const char *text)
{
    if (!text[strcspn(text, "\r\n")] || !text[strcspn(text, "\r\n") + 1])
        return;
    while (*text) {
        size_t n = strcspn(text, "\r\n");

        if (n > 0) {
            fputs("git: ", stderr);
            for (size_t i = 0; i < n; i++)
                fputc((unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i], stderr);
            fputc('\n', stderr);
        }
        text += n + (text[n] != 0);
    }
}

static int fail(struct git_call *c, const struct answer_error *e)
{
    struct answer_error unread;

    git_progress_clear(&c->progress);
    for (size_t i = 0; i < c->client.call.detail_count; i++) {
        const struct call_detail *d = &c->client.call.details[i];
        const ProtobufCMessage *m =
            strcmp(d->type, "guest.v1.GitFailure") == 0
                ? codec_decode(CODEC_PROTO, &guest__v1__git_failure__descriptor,
                               (struct bytes){(const char *)d->value, d->len}, &c->answers, &unread.err)
                : NULL;

        if (m && c->request->ctl->json) {
            fputs("{\"error\":", stdout);
            if (print_json(m, &unread.err) < 0)
                fputs("{}", stdout);
            puts("}");
        } else if (m) {
            show_stderr(((const Guest__V1__GitFailure *)m)->stderr);
        }
    }
    return client_fail(e);
}

/* --- calls ----------------------------------------------------------------------------------- */

/* "guest.v1.Git/Clone" */
static void method_of(const struct git_row *row, char out[64])
{
    snprintf(out, 64, "guest.v1.Git/%s", row->method);
}

static int stream(struct git_call *c, const char *method, struct answer_error *e)
{
    struct git_request *r = c->request;
    struct bytes message;
    int got;

    if (client_open(&c->client, r->ctl, &e->err) < 0 ||
        client_stream_send(&c->client, method, &r->options, r->m, &e->err) < 0)
        return -1;
    while ((got = client_receive(&c->client, &message, e)) == 1) {
        const ProtobufCMessage *m = codec_decode(CODEC_PROTO, r->row->output, message, &c->answers, &e->err);

        if (!m || show(c, m, &e->err) < 0)
            return -1;
        arena_clear(&c->answers);
    }
    return got < 0 ? -1 : 0;
}

/* Asks for the page of a list that comes next: after an answer, or (NULL) the first one. Returns whether there is one. */
static bool next_page(struct git_call *c, ProtobufCMessage *answer)
{
    struct git_request *r = c->request;
    const ProtobufCFieldDescriptor *limit =
        protobuf_c_message_descriptor_get_field_by_name(r->row->input, "limit");
    char **page = git_fields_string(r->m, "page"),
         **next = answer ? git_fields_string(answer, "next_page") : NULL;

    if (page && limit && (r->limit > 0 || answer))
        *(uint32_t *)((char *)r->m + limit->offset) =
            r->limit > 0 ? (uint32_t)MIN(r->limit - c->shown, (uint64_t)PAGE_MAX) : PAGE_MAX;
    if (!answer || !page || !next || !**next || (r->limit > 0 && c->shown >= r->limit))
        return false;
    *page = arena_string(&r->arena, bytes_of(*next));
    return *page != NULL;
}

static int lists_more(const ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "truncated");

    return f && *(const protobuf_c_boolean *)((const char *)m + f->offset);
}

static int call(struct git_call *c, const char *method, struct answer_error *e)
{
    struct git_request *r = c->request;
    ProtobufCMessage *answer;
    bool more;

    next_page(c, NULL);
    do {
        arena_clear(&c->answers);
        if (client_reuse(&c->client, r->ctl, &e->err) < 0 ||
            client_call_with(&c->client, method, &r->options, r->m, r->row->output, &c->answers, &answer, e) <
                0 ||
            show(c, answer, &e->err) < 0)
            return -1;
        if (lists_more(answer) && !r->ctl->json)
            ctl_say(CTL_OK, "%s: there are more", r->row->verb.name);
        more = next_page(c, answer);
    } while (more);
    return 0;
}

/* --- what a call needs before it can be made ------------------------------------------------- */

/* The URL that the credentials are for: the request's own, or that of its remote. NULL with *e. */
static const char *url_of(struct git_call *c, struct answer_error *e)
{
    struct git_request *r = c->request;
    Guest__V1__RemotesRequest m = GUEST__V1__REMOTES_REQUEST__INIT;
    char **url = git_fields_string(r->m, "url"), **remote = git_fields_string(r->m, "remote"), **path;
    ProtobufCMessage *answer;
    const Guest__V1__RemotesResponse *a;

    if (url)
        return *url;
    path = git_fields_string(r->m, "path");
    m.path = *path;
    m.name = remote && **remote ? *remote : (char *)(uintptr_t) "origin";
    if (client_reuse(&c->client, r->ctl, &e->err) < 0 ||
        client_call_with(&c->client, "guest.v1.Git/Remotes", &r->options, &m.base,
                         &guest__v1__remotes_response__descriptor, &c->answers, &answer, e) < 0)
        return NULL;
    a = (const Guest__V1__RemotesResponse *)answer;
    if (a->n_remotes == 0) {
        err_set(&e->err, STATUS_NOT_FOUND, 0, "there is no remote '%s'", m.name);
        return NULL;
    }
    return arena_string(&r->arena, bytes_of(a->remotes[0]->fetch_url));
}

static int prepare(struct git_call *c, struct answer_error *e)
{
    struct git_request *r = c->request;
    const char *url = "";
    struct bytes input;

    if (git_secrets_ask(r) && !(url = url_of(c, e)))
        return -1;
    if (git_secrets_put(r, url, &e->err) < 0)
        return -1;
    if (r->input) {
        if (git_secrets_read(&r->arena, STDIN_FILENO, "standard input", INPUT_MAX, &input, &e->err) < 0)
            return -1;
        ((Guest__V1__RunGitRequest *)r->m)->input =
            (ProtobufCBinaryData){input.len, (uint8_t *)(uintptr_t)input.ptr};
    }
    return 0;
}

static int run(struct ctl *ctl, const struct git_row *row, int argc, char **argv)
{
    struct git_request request = {.ctl = ctl, .row = row};
    struct git_call c = {.request = &request, .answers = {.max = 4 * (size_t)MESSAGE_MAX}};
    struct answer_error e = {.from_agent = false};
    char method[64];
    int code = git_request_parse(&request, argc, argv);

    if (code == 0) {
        git_progress_init(&c.progress, request.progress);
        method_of(row, method);
        if (prepare(&c, &e) < 0 || (row->streams ? stream(&c, method, &e) : call(&c, method, &e)) < 0)
            code = fail(&c, &e);
        else
            code = c.code;
        git_progress_clear(&c.progress);
    }
    client_close(&c.client);
    arena_clear(&c.answers);
    git_request_clear(&request);
    return code;
}

/* --- the verb -------------------------------------------------------------------------------- */

const char *git_row_name(const struct git_row *row)
{
    return row->verb.name + strlen("git ");
}

int verb_git(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    if (argc == 0)
        return ctl_usage(v, CTL_USAGE, "no git verb is given");
    for (size_t i = 0; i < git_row_count; i++) {
        if (strcmp(argv[0], git_row_name(&git_rows[i])) != 0)
            continue;
        if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
            ctl_verb_help(&git_rows[i].verb);
            return CTL_OK;
        }
        return run(c, &git_rows[i], argc - 1, argv + 1);
    }
    return ctl_say(CTL_USAGE, "git has no verb '%s' (guestctl git --help; any git command: guestctl git run)",
                   argv[0]);
}
