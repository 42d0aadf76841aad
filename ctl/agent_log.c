#include "ctl/agent_log.h"

#include <stdio.h>
#include <unistd.h>

#include "core/limits.h"

const Guest__V1__GetLogResponse *agent_log_get(struct client *c, uint64_t after, struct arena *a,
                                               struct answer_error *e)
{
    Guest__V1__GetLogRequest m = GUEST__V1__GET_LOG_REQUEST__INIT;
    ProtobufCMessage *answer;

    m.after = after;
    if (client_call(c, "guest.v1.Agent/GetLog", &m.base, &guest__v1__get_log_response__descriptor, a, &answer,
                    e) < 0)
        return NULL;
    return (const Guest__V1__GetLogResponse *)answer;
}

/* The end of the text, from a line's beginning on: at most `most` bytes. */
static const char *last_lines(const char *text, uint64_t most)
{
    size_t len = strlen(text);
    const char *from;

    if (len <= most)
        return text;
    from = text + len - most;
    if (from[-1] == '\n')
        return from;
    from = strchr(from, '\n');
    return from ? from + 1 : text + len;
}

/* Prints lines of a guest's, with what would upset a terminal replaced. */
static void print_lines(const char *text)
{
    for (; *text; text++)
        putchar(((unsigned char)*text < ' ' && *text != '\n') || *text == 0x7f ? '?' : *text);
    fflush(stdout);
}

int agent_log_print(const struct ctl *ctl, uint64_t tail, bool follow)
{
    struct arena arena = {.max = DECODE_MAX};
    struct client client = {.ctl = NULL};
    struct answer_error e = {.from_agent = false};
    const Guest__V1__GetLogResponse *r = NULL;
    uint64_t after = 0;
    int code = CTL_OK;

    for (bool first = true; code == CTL_OK && (first || follow); first = false) {
        if (!first)
            sleep(1);
        if (client_reuse(&client, ctl, &e.err) < 0 || !(r = agent_log_get(&client, after, &arena, &e))) {
            code = client_fail(&e);
        } else {
            print_lines(first ? last_lines(r->text, tail) : r->text);
            after = r->next;
        }
        arena_clear(&arena);
    }
    client_close(&client);
    return code;
}
