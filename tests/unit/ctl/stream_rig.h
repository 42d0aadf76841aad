/* A stream of a process's events as the agent sends it, and a verb that reads it. */
#ifndef TESTS_UNIT_CTL_STREAM_RIG_H
#define TESTS_UNIT_CTL_STREAM_RIG_H

#include <sys/wait.h>

#include "ctl_rig.h"
#include "process/process.pb-c.h"
#include "rpc/envelope.h"

static char streams[ARRAY_LEN(agent.answers)][1 << 14], *stream; /* the one that is written */
static size_t stream_len;

static bool stream_with_offsets; /* ids (7) and offsets, as they come when they are asked for */
static uint64_t stream_offset;   /* of the next byte */

UNUSED static void stream_begin(void)
{
    stream = streams[agent.count];
    stream_len = (size_t)sprintf(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/connect+proto\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n");
}

UNUSED static void stream_message(uint8_t flags, const void *data, size_t n)
{
    stream_len += (size_t)sprintf(stream + stream_len, "%zx\r\n", n + ENVELOPE_SIZE);
    envelope_encode(flags, (uint32_t)n, (uint8_t *)stream + stream_len);
    memcpy(stream + stream_len + ENVELOPE_SIZE, data, n);
    stream_len += ENVELOPE_SIZE + n;
    stream_len += (size_t)sprintf(stream + stream_len, "\r\n");
}

UNUSED static void stream_event(Process__ProcessEvent *event)
{
    Process__StartResponse r = PROCESS__START_RESPONSE__INIT;
    uint8_t packed[1024];

    r.event = event;
    stream_message(0, packed, protobuf_c_message_pack(&r.base, packed));
}

UNUSED static void stream_start(uint32_t pid)
{
    Process__ProcessEvent e = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__StartEvent start = PROCESS__PROCESS_EVENT__START_EVENT__INIT;

    start.pid = pid;
    if (stream_with_offsets) {
        start._id_case = PROCESS__PROCESS_EVENT__START_EVENT___ID_ID;
        start.id = 7;
        start._offset_case = PROCESS__PROCESS_EVENT__START_EVENT___OFFSET_OFFSET;
        start.offset = stream_offset;
    }
    e.event_case = PROCESS__PROCESS_EVENT__EVENT_START;
    e.start = &start;
    stream_event(&e);
}

UNUSED static void stream_output(bool to_stderr, const char *text)
{
    Process__ProcessEvent e = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__DataEvent data = PROCESS__PROCESS_EVENT__DATA_EVENT__INIT;
    ProtobufCBinaryData bytes = {strlen(text), (uint8_t *)(uintptr_t)text};

    if (to_stderr) {
        data.output_case = PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDERR;
        data.stderr = bytes;
    } else {
        data.output_case = PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDOUT;
        data.stdout = bytes;
    }
    if (stream_with_offsets) {
        data._offset_case = PROCESS__PROCESS_EVENT__DATA_EVENT___OFFSET_OFFSET;
        data.offset = stream_offset;
    }
    stream_offset += bytes.len;
    e.event_case = PROCESS__PROCESS_EVENT__EVENT_DATA;
    e.data = &data;
    stream_event(&e);
}

UNUSED static void stream_process_end(bool exited, int code, const char *status)
{
    Process__ProcessEvent e = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__EndEvent end = PROCESS__PROCESS_EVENT__END_EVENT__INIT;

    end.exited = exited;
    end.exit_code = code;
    end.status = (char *)(uintptr_t)status;
    e.event_case = PROCESS__PROCESS_EVENT__EVENT_END;
    e.end = &end;
    stream_event(&e);
}

UNUSED static void stream_finish(const char *end)
{
    stream_message(ENVELOPE_END_STREAM, end, strlen(end));
    stream_len += (size_t)sprintf(stream + stream_len, "0\r\n\r\n");
    agent.answers[agent.count++] = (struct agent_answer){stream, stream_len, false, false};
}

/* Runs a verb against what was scripted. In a child: it blocks signals and keeps no terminal of ours. */
UNUSED static int run_verb(const char *verb_name, const char *const *words)
{
    struct capture c;
    pid_t pid;
    int status;

    capture_begin(&c);
    pid = fork();
    if (pid == 0) {
        char *argv[32] = {"guestctl", "-t", agent.target, (char *)(uintptr_t)verb_name};
        int argc = 4, code;

        for (; *words; words++)
            argv[argc++] = (char *)(uintptr_t)*words;
        code = ctl_run(argc, argv);
        fflush(NULL);
        _exit(code);
    }
    agent_start();
    if (waitpid(pid, &status, 0) != pid)
        abort();
    agent_finish();
    capture_end(&c);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN_VERB(name, ...) run_verb(name, (const char *const[]){__VA_ARGS__, NULL})
#define EXEC(...)           RUN_VERB("exec", __VA_ARGS__)

/* What was streamed is the next answer; the connection ends behind it, or hangs. */
UNUSED static void stream_breaks(bool hangs)
{
    agent.answers[agent.count++] = (struct agent_answer){stream, stream_len, false, hangs};
}

/* The request of a stream that was sent last, decoded; valid until the next call. */
UNUSED static const ProtobufCMessage *streamed_request(const ProtobufCMessageDescriptor *d)
{
    static struct arena arena;
    const char *body = strstr(agent.request, "\r\n\r\n") + 4 + ENVELOPE_SIZE;
    struct err e;

    arena_clear(&arena);
    return codec_decode(CODEC_PROTO, d,
                        (struct bytes){body, agent.request_len - (size_t)(body - agent.request)}, &arena, &e);
}

#endif
